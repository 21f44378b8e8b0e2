"""The three people of the demo: the site's first superuser, and two that go with the demo."""

from typing import Any

from django.core.exceptions import FieldDoesNotExist

from headway import users

MADE = (("maria", "Maria", "Costa"), ("yusuf", "Yusuf", "Demir"))
DOMAIN = "@demo.invalid"
"""Of their addresses, by which they are found: nobody else can have one there (RFC 2606)."""


class NobodyError(Exception):
    """There is no superuser to whom the jobs could belong."""


def people() -> list[Any]:
    """All three; makes those of the demo, who cannot sign in, unless they are there."""
    manager = users.manager()
    first = manager.filter(is_superuser=True).order_by("pk").first()
    if first is None:
        raise NobodyError("There is no superuser yet: make one by manage.py createsuperuser.")
    return [first, *(made().filter(**_name(each[0])).first() or _make(*each) for each in MADE)]


def made() -> Any:
    """The accounts that the demo has made."""
    field = "email" if _has("email") else users.name_field()
    return users.manager().filter(**{f"{field}__endswith": DOMAIN})


def _make(name: str, first: str, last: str) -> Any:
    known = {"email": name + DOMAIN, "first_name": first, "last_name": last}
    values = {key: value for key, value in known.items() if _has(key)} | _name(name)
    person = users.manager().model(**values)
    person.set_unusable_password()
    person.save()
    return person


def _name(name: str) -> dict[str, str]:
    """What they sign in by: an address where there is no other place for one."""
    plain = _has("email") and users.name_field() != "email"
    return {users.name_field(): f"{name}.demo" if plain else name + DOMAIN}


def _has(field: str) -> bool:
    try:
        users.manager().model._meta.get_field(field)
    except FieldDoesNotExist:
        return False
    return True

"""One-time sign-in links, for the first user of an installation."""

from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.tokens import PasswordResetTokenGenerator
from django.core.exceptions import ObjectDoesNotExist, ValidationError
from django.urls import NoReverseMatch, reverse
from django.utils import timezone
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_decode, urlsafe_base64_encode

from headway import users
from headway.users import Person

FIRST = "admin"
"""The name of the user that is made where there is none."""


class _Tokens(PasswordResetTokenGenerator):
    """Tokens that a sign-in makes worthless, as it moves `last_login`."""

    key_salt = "headway.web.sign_in"

    def _make_hash_value(self, user: Person, timestamp: int) -> str:
        # Django's own value has whole seconds: a second use within one second would pass
        return f"{super()._make_hash_value(user, timestamp)}{user.last_login}"


_tokens = _Tokens()


def link_path(user: Person) -> str:
    """The path of a link that signs `user` in once, within PASSWORD_RESET_TIMEOUT."""
    uid = urlsafe_base64_encode(force_bytes(user.pk))
    return reverse("sign_in_link", args=(uid, _tokens.make_token(user)))


def password_path(user: Person) -> str:
    """The page of the admin on which a superuser gives `user` a password; "" where the admin has
    none for this model of users."""
    try:
        return reverse("admin:auth_user_password_change", args=(user.pk,))
    except NoReverseMatch:
        return ""


def user_of(uid: str, token: str) -> Person | None:
    """The user of a link that is still good, and stays so. None for any other."""
    try:
        user = users.manager().get(pk=urlsafe_base64_decode(uid).decode())
    except (ValueError, OverflowError, ValidationError, ObjectDoesNotExist):
        return None
    return user if users.is_active(user) and _tokens.check_token(user, token) else None


def redeem(uid: str, token: str) -> Person | None:
    """The user of a link that is still good; from then on it is not. None for any other."""
    user = user_of(uid, token)
    if user is None:
        return None
    before = users.manager().filter(pk=user.pk, last_login=user.last_login)
    return user if before.update(last_login=timezone.now()) else None


def first_user_without_password() -> Person | None:
    """Who needs a link: the superuser, made here when there is no user at all and one takes no more
    than a name.

    None when a superuser can sign in with a password, or when there are only other users.
    """
    found = users.manager()
    if not found.exists():
        return _made()
    fields = {field.name for field in get_user_model()._meta.get_fields()}
    wanted = {name: True for name in ("is_superuser", "is_active") if name in fields}
    if "is_superuser" not in wanted:
        return None
    superusers = found.filter(**wanted).order_by("pk")
    if any(user.has_usable_password() for user in superusers):
        return None
    return superusers.first()


def _made() -> Person | None:
    model: Any = get_user_model()
    if set(model.REQUIRED_FIELDS) - {model.get_email_field_name()}:
        return None  # what else a user must have is for `createsuperuser` to ask
    by_address = users.name_field() == model.get_email_field_name()
    name = {users.name_field(): f"{FIRST}@localhost" if by_address else FIRST}
    made: Person = model._default_manager.create_superuser(**name, password=None)
    return made

"""What the app needs of users, for any user model and any type of key."""

from typing import Any, TypeAlias

from django.contrib.auth import get_user_model
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser
from django.db.models import Manager

from headway.models import Job

User: TypeAlias = AbstractBaseUser | AnonymousUser
Person: TypeAlias = Any
"""A user of the project's model; the stubs of Django would have it be one of `auth.User`."""


def manager() -> "Manager[Any]":
    """Finds users as Django's own sign-in does."""
    return get_user_model()._default_manager


def name_field() -> str:
    """The field that holds the name by which people sign in, such as an address."""
    return str(get_user_model().USERNAME_FIELD)


def named(name: str) -> Person | None:
    """The user who signs in by this name."""
    return manager().filter(**{name_field(): name}).first()


def email(user: Person) -> str:
    """A user's e-mail address; "" without one, or without a field for it."""
    get_name = getattr(user, "get_email_field_name", None)
    return str(getattr(user, get_name(), "") or "") if get_name else ""


def key(text: str) -> Any:
    """A user's primary key, from what `str` made of it."""
    return Job._meta.get_field("owner").target_field.to_python(text)


def can_be_deactivated() -> bool:
    """Whether users have a column that says so."""
    return any(field.name == "is_active" for field in get_user_model()._meta.get_fields())


def is_active(user: User) -> bool:
    """Whether a user is signed in and not locked out, which some models cannot tell."""
    return user.is_authenticated and getattr(user, "is_active", True)

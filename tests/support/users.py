"""People of the tests, and how they are signed in."""

from functools import cache

from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import User
from django.test import Client
from playwright.sync_api import BrowserContext


def make_user(name: str, *, staff: bool = False) -> User:
    """A user with the password `secret`; staff are superusers."""
    return User.objects.create(
        username=name, password=_secret(), is_staff=staff, is_superuser=staff
    )


@cache
def _secret() -> str:
    """Once for all: to hash a password is meant to be slow."""
    return make_password("secret")


def session_of(user: User) -> str:
    """The value of a session cookie with which `user` is signed in."""
    client = Client()
    client.force_login(user)
    return client.cookies[settings.SESSION_COOKIE_NAME].value


def sign_in(context: BrowserContext, user: User, url: str) -> None:
    """Give the browser profile a session of `user` for the site at `url`."""
    name = settings.SESSION_COOKIE_NAME
    context.add_cookies([{"name": name, "value": session_of(user), "url": url}])

"""People of the tests, and how they are signed in."""

from django.conf import settings
from django.contrib.auth.models import User
from django.test import Client
from playwright.sync_api import BrowserContext


def make_user(name: str, *, staff: bool = False) -> User:
    """A user with the password `secret`; staff are superusers."""
    if staff:
        return User.objects.create_superuser(name, password="secret")
    return User.objects.create_user(name, password="secret")


def session_of(user: User) -> str:
    """The value of a session cookie with which `user` is signed in."""
    client = Client()
    client.force_login(user)
    return client.cookies[settings.SESSION_COOKIE_NAME].value


def sign_in(context: BrowserContext, user: User, url: str) -> None:
    """Give the browser profile a session of `user` for the site at `url`."""
    name = settings.SESSION_COOKIE_NAME
    context.add_cookies([{"name": name, "value": session_of(user), "url": url}])

"""How a person likes to see pages: kept with the account, and told each browser by cookies, so that
no page has to ask the database."""

from typing import Any

from django.conf import settings
from django.contrib.auth.signals import user_logged_in
from django.dispatch import receiver
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from headway.lifecycle import outbox
from progress.models import Preference

TIME_ZONE_COOKIE = "time_zone"
COOKIE_AGE = 365 * 86400
"""Seconds."""


def save(user: Any, **chosen: str) -> None:
    """Keeps what a person has chosen; e-mails come in the language of pages."""
    Preference.objects.update_or_create(user_id=user.pk, defaults=chosen)
    if "language" in chosen:
        outbox.speaks(user.pk, chosen["language"])


def tell_browser(response: HttpResponseBase, *, time_zone: str = "", language: str = "") -> None:
    """Tells a browser what was chosen; what was not stays as the browser has it."""
    cookies = {TIME_ZONE_COOKIE: time_zone, settings.LANGUAGE_COOKIE_NAME: language}
    for name, value in cookies.items():
        if value:
            response.set_cookie(
                name,
                value,
                max_age=COOKIE_AGE,
                secure=settings.SESSION_COOKIE_SECURE,
                httponly=True,
                samesite="Lax",
            )


@receiver(user_logged_in)
def recall(request: HttpRequest | None, user: Any, **_: Any) -> None:
    """Notes, for the answer to a sign-in, what its person has chosen elsewhere."""
    known = Preference.objects.filter(user_id=user.pk).values("time_zone", "language").first()
    if request is not None and known:
        request.recalled = known  # type: ignore[attr-defined]  # for progress.time_zone


def tell_recalled(request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
    """The answer, which tells the browser after a sign-in."""
    if known := getattr(request, "recalled", None):
        tell_browser(response, **known)
    return response

"""Where a request comes from, for the audit trail."""

from collections.abc import Callable
from functools import cache
from typing import Any

from django.core.checks import CheckMessage, Error
from django.core.signals import setting_changed
from django.dispatch import receiver
from django.http import HttpRequest
from django.utils.module_loading import import_string

from headway.conf import conf
from headway.lifecycle.audit import Origin
from headway.models import Via
from headway.web.responses import Wants


def direct(request: HttpRequest) -> str:
    """The other end of the connection: behind a proxy, that. `CLIENT_ADDRESS` names another."""
    return request.META.get("REMOTE_ADDR") or ""


def of(request: HttpRequest, via: Via | None = None) -> Origin:
    """Who asks by a request, and from where."""
    token = getattr(request, "api_token", None)
    if via is None:
        by_program = token is not None or Wants.of(request) is Wants.JSON
        via = Via.API if by_program else Via.PAGE
    number = token.pk if token is not None else None
    return Origin(request.user, via, address(request), number)


def address(request: HttpRequest) -> str:
    """Whose request it is, as `CLIENT_ADDRESS` says."""
    return _address()(request)


def check(**_: Any) -> list[CheckMessage]:
    """`headway.E042`: nobody can say from where a request comes, so that nothing can be done."""
    try:
        found: Any = _address()
    except Exception as error:  # noqa: BLE001 - the import of a project's module raises anything
        told = f"{type(error).__name__}: {error}"
    else:
        if callable(found):
            return []
        told = "this is no function"
    hint = "Name a function that takes a request and returns an address, or leave it out."
    return [Error(f"HEADWAY['CLIENT_ADDRESS']: {told}.", hint, id="headway.E042")]


@cache
def _address() -> Callable[[HttpRequest], str]:
    found: Callable[[HttpRequest], str] = import_string(conf.CLIENT_ADDRESS)
    return found


@receiver(setting_changed)
def _reset(*, setting: str, **_: Any) -> None:
    if setting == "HEADWAY":
        _address.cache_clear()

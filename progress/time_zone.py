"""The time zone in which a browser is shown times: what acts on its cookie."""

import zoneinfo
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager, nullcontext
from functools import cache
from typing import Any

from asgiref.sync import iscoroutinefunction
from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils import timezone
from django.utils.decorators import sync_and_async_middleware

from progress.preferences import TIME_ZONE_COOKIE, tell_recalled


@cache
def names() -> tuple[str, ...]:
    """The zones to choose from, such as Europe/Berlin; not the abbreviations, which are ambiguous,
    nor Etc/GMT-1, which is an hour ahead of GMT."""
    known = zoneinfo.available_timezones()
    places = {name for name in known if "/" in name and not name.startswith(("Etc/", "SystemV/"))}
    return tuple(sorted({*places, "UTC", settings.TIME_ZONE}))


def chosen(request: HttpRequest) -> str:
    """The zone that this browser has chosen; "" when it has not, or none that there is."""
    name = request.COOKIES.get(TIME_ZONE_COOKIE, "")
    return name if name and name in names() else ""


@sync_and_async_middleware
def time_zones(
    get_response: Callable[[HttpRequest], Any],
) -> Callable[[HttpRequest], HttpResponseBase | Awaitable[HttpResponseBase]]:
    """Shows times in the zone that the browser was told, else in that of TIME_ZONE."""

    def zone(request: HttpRequest) -> AbstractContextManager[None]:
        name = chosen(request)
        return timezone.override(name) if name else nullcontext()

    if iscoroutinefunction(get_response):

        async def answer_async(request: HttpRequest) -> HttpResponseBase:
            with zone(request):
                return tell_recalled(request, await get_response(request))

        return answer_async

    def answer(request: HttpRequest) -> HttpResponseBase:
        with zone(request):
            return tell_recalled(request, get_response(request))

    return answer

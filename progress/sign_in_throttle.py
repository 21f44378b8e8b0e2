"""Limits how often passwords can be guessed: few times by one address for one account, more often
by one address for all accounts. An account that many addresses guess at answers slowly, but its
owner is never locked out by others."""

import asyncio
import ipaddress
import math
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from functools import wraps
from http import HTTPStatus
from typing import Any

from asgiref.sync import sync_to_async
from django.conf import settings
from django.db.models import QuerySet
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils import timezone
from django.utils.crypto import salted_hmac
from django.utils.translation import ngettext

from headway.web.responses import problem
from progress.models import FailedSignIn

IPV6_PREFIX = 64
"""One household or one server has at least this network, and all addresses in it."""
DELAY_FROM, DELAY_STEP, MAX_DELAY = 20, 0.25, 5.0
"""Failed sign-ins of an account from all addresses before answers are delayed; seconds that each
further one adds; seconds at most."""
View = Callable[..., Any]


def throttled(view: View) -> View:
    """The view of a sign-in form that redirects after a success, and answers 429 over a limit."""

    @wraps(view)
    async def sign_in(request: HttpRequest, *args: Any, **options: Any) -> HttpResponseBase:
        answer = sync_to_async(view)
        if request.method != "POST":
            response: HttpResponseBase = await answer(request, *args, **options)
            return response
        attempt, wait = await sync_to_async(begin)(
            account_of(request.POST.get("username", "")), address_of(request)
        )
        if attempt is None:
            return await sync_to_async(refusal)(request, wait)
        await asyncio.sleep(wait)
        response = await answer(request, *args, **options)
        if response.status_code == HTTPStatus.FOUND:
            await sync_to_async(succeeded)(attempt)
        return response

    return sign_in


def begin(account: str, address: str) -> tuple[FailedSignIn | None, float]:
    """An attempt, which counts as failed until it has `succeeded`, and the seconds to wait before
    the password is checked; or None, and the seconds after which another attempt is allowed."""
    now = timezone.now()
    if wait := _wait(account, address, now):
        return None, wait
    FailedSignIn.objects.filter(at__lt=now - _window()).delete()
    attempt = FailedSignIn.objects.create(account=account, address=address, at=now)
    # Others may have begun between the look and the entry. Each sees all entries before its own.
    if wait := _wait(account, address, now, but=attempt):
        attempt.delete()
        return None, wait
    others = FailedSignIn.objects.filter(account=account).exclude(address=address)
    guessed = _recent(others, now).count()
    return attempt, min(MAX_DELAY, DELAY_STEP * max(0, guessed - DELAY_FROM))


def succeeded(attempt: FailedSignIn) -> None:
    """The owner knows the password: earlier failures from there were slips. Those for other
    accounts stay, so an account of one's own does not help to guess at others."""
    FailedSignIn.objects.filter(account=attempt.account, address=attempt.address).delete()


def refusal(request: HttpRequest, seconds: float) -> HttpResponseBase:
    """429 with a sentence that says when to try again."""
    minutes = math.ceil(seconds / 60)
    told = ngettext(
        "Too many failed attempts to sign in. Try again in a minute.",
        "Too many failed attempts to sign in. Try again in {number} minutes.",
        minutes,
    )
    response = problem(request, 429, told.format(number=minutes))
    response["Retry-After"] = str(math.ceil(seconds))
    response["Cache-Control"] = "no-store"
    return response


def account_of(name: str) -> str:
    """How an account is kept, in any spelling of its name."""
    name = name.strip().casefold()
    return salted_hmac(f"{__name__}.account", name, algorithm="sha256").hexdigest()


def address_of(request: HttpRequest) -> str:
    """Whose request it is. Of X-Forwarded-For only what our own NUM_PROXIES proxies have added is
    believed: the rest is whatever the client sent."""
    direct: str = request.META.get("REMOTE_ADDR") or ""
    passed = request.headers.get("X-Forwarded-For", "").split(",")
    proxies: int = settings.NUM_PROXIES
    for text in ([passed[-proxies]] if 0 < proxies <= len(passed) else []) + [direct]:
        with suppress(ValueError):
            return _network(text.strip())
    return "unknown"


def _network(text: str) -> str:
    address = ipaddress.ip_address(text)
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    if address.ipv4_mapped:
        return str(address.ipv4_mapped)
    return str(ipaddress.IPv6Network((int(address), IPV6_PREFIX), strict=False))


def _wait(account: str, address: str, now: datetime, but: FailedSignIn | None = None) -> float:
    """Seconds until an attempt is allowed; 0 if it is now."""
    from_there = FailedSignIn.objects.filter(address=address)
    if but is not None:
        from_there = from_there.exclude(pk=but.pk)
    limits = (
        (from_there.filter(account=account), settings.SIGN_IN_MAX_FAILURES),
        (from_there, settings.SIGN_IN_MAX_FAILURES_PER_ADDRESS),
    )
    return max(_until_fewer(rows, limit, now) for rows, limit in limits)


def _until_fewer(rows: QuerySet[FailedSignIn], limit: int, now: datetime) -> float:
    """Seconds until fewer than `limit` of the rows are recent."""
    newest = _recent(rows, now).order_by("-at").values_list("at", flat=True)
    decisive = next(iter(newest[limit - 1 : limit]), None)
    return (decisive + _window() - now).total_seconds() if decisive else 0.0


def _recent(rows: QuerySet[FailedSignIn], now: datetime) -> QuerySet[FailedSignIn]:
    return rows.filter(at__gt=now - _window())


def _window() -> timedelta:
    return timedelta(seconds=settings.SIGN_IN_WINDOW)

"""The engine as this installation uses it: one log per process, one hub per event loop."""

import asyncio
import time
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any
from weakref import WeakKeyDictionary

from asgiref.sync import sync_to_async
from django.conf import settings
from django.db import close_old_connections
from django.db.models import Q
from django.http import HttpRequest

from progress.stream import Hub, Log, Subscription
from progress.stream.http import EventStreamResponse, cursor

MOST_FOLLOWED = 1000
"""Jobs that one stream of all of an owner's jobs carries at most, the newest ones."""
_hubs: "WeakKeyDictionary[asyncio.AbstractEventLoop, Hub]" = WeakKeyDictionary()


@cache
def log() -> Log:
    """The log of all jobs. Connects when first used, so it never fails here."""
    return Log(settings.REDIS_URL, maxlen=settings.LOG_MAXLEN, ttl=settings.LOG_TTL)


def hub() -> Hub:
    """The hub of the running event loop."""
    loop = asyncio.get_running_loop()
    if loop not in _hubs:
        _hubs[loop] = Hub(settings.REDIS_URL, _recover, _members)
    return _hubs[loop]


def feed(owner_id: int | None) -> str:
    """The feed on which an owner's new jobs are announced; "" for jobs that nobody owns."""
    return f"user:{owner_id}" if owner_id else ""


def job_events(request: HttpRequest, job: str) -> EventStreamResponse:
    """The stream of one job, which ends with `done`. The caller has checked who asks."""
    number, reason = cursor(request)
    return _respond(request, Subscription([job], cursor=number, reason=reason, ends=True))


def many_events(request: HttpRequest, jobs: Iterable[str]) -> EventStreamResponse:
    """The stream of some jobs, which does not end. The caller has checked who asks."""
    number, reason = cursor(request)
    return _respond(request, Subscription(jobs, cursor=number, reason=reason))


def owner_events(request: HttpRequest, owner_id: int) -> EventStreamResponse:
    """The stream of all of an owner's jobs, those still to be started among them."""
    number, reason = cursor(request)
    reader = Subscription([], cursor=number, reason=reason, feed=feed(owner_id))
    return _respond(request, reader)


def _respond(request: HttpRequest, reader: Subscription) -> EventStreamResponse:
    return EventStreamResponse(
        hub().stream(
            reader,
            keepalive=settings.STREAM_KEEPALIVE,
            heartbeat="heartbeat" in request.GET,
            max_age=settings.STREAM_MAX_AGE,
        )
    )


@sync_to_async
def _recover(jobs: Sequence[str]) -> Mapping[str, Mapping[str, Any]]:
    from .models import Job
    from .snapshots import snapshot

    try:
        return {str(job.pk): snapshot(job, None) for job in Job.objects.filter(pk__in=jobs)}
    finally:
        close_old_connections()


@sync_to_async
def _members(feed: str, number: int) -> Sequence[str]:
    """The owner's active jobs, and those that ended about when the reader was last here or later:
    numbers are microseconds since 1970."""
    from .models import ACTIVE, Job

    # A cursor of eighteen digits is past the last year that there is a date for.
    seen = datetime.fromtimestamp(min(number / 1e6, time.time()), UTC) - timedelta(minutes=1)
    wanted = Q(status__in=ACTIVE)
    if number:
        wanted |= Q(finished_at__gte=seen)
    try:
        jobs = Job.objects.filter(wanted, owner_id=int(feed.removeprefix("user:")))
        return [str(job) for job in jobs.values_list("pk", flat=True)[:MOST_FOLLOWED]]
    finally:
        close_old_connections()

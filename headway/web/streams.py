"""The engine as this installation uses it: one log per process, one hub per event loop."""

import asyncio
import re
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from weakref import WeakKeyDictionary

from asgiref.sync import sync_to_async
from django.core.handlers.asgi import ASGIRequest
from django.db import close_old_connections, connections
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from headway import users
from headway.conf import conf
from headway.lifecycle.log import feed, glance
from headway.lifecycle.snapshots import snapshot
from headway.models import ACTIVE, Job
from headway.stream import Hub, Limits, Subscription, at_once
from headway.stream.asking import cursor
from headway.stream.event import Snapshot
from headway.stream.http import HEADERS, EventStreamResponse
from headway.stream.long_poll import Wait
from headway.stream.tally import Tally
from headway.web.grants import Grant, LinkGrant, good_for, revoked

MAX_JOBS = 200
"""Jobs that one request may name; an address has its limits too."""
MAX_FOLLOWED = 1000
"""Jobs that one stream of all of an owner's jobs carries at most, the newest ones."""
MAX_WAIT = 60.0
"""Seconds that a long-poll waits at most; proxies cut what is silent for longer."""
CONNECTION_AGE = 60.0
"""Seconds after which the thread that admits streams reconnects to the database."""
_hubs: "WeakKeyDictionary[asyncio.AbstractEventLoop, Hub]" = WeakKeyDictionary()


def hub() -> Hub:
    """The hub of the running event loop."""
    loop = asyncio.get_running_loop()
    if loop not in _hubs:
        limits = Limits(
            tick=conf.STREAM_TICK_MS / 1000,
            keepalive=conf.STREAM_KEEPALIVE,
            max_age=conf.STREAM_MAX_AGE,
            max_bytes=conf.STREAM_MAX_BYTES,
            recheck=conf.STREAM_RECHECK,
            max_streams=conf.STREAM_MAX,
            unread=conf.STREAM_UNREAD,
            max_held=conf.STREAM_MAX_PER_USER,
            hand_over=conf.STREAM_HAND_OVER,
        )
        _hubs[loop] = Hub(conf.REDIS_URL, _recover, _members, limits, revoked)
    return _hubs[loop]


def tally() -> Tally:
    """What the streams of this process have come to."""
    found = Tally()
    for each in tuple(_hubs.values()):
        found.update(each.tally())
    return found


def job_events(request: HttpRequest, job: str, grant: Grant) -> HttpResponseBase:
    """The stream of one job, which ends with `done`. The caller has checked who asks."""
    return _respond(request, grant, [job], ends=True)


def shared_events(
    request: HttpRequest,
    job: str,
    grant: LinkGrant,
    reduce: Callable[[bytes], bytes],
    *,
    ends: bool,
) -> HttpResponseBase:
    """The stream of a shared job: the same frames, as far as the link shows what is in them."""
    return _respond(request, grant, [job], reduce=reduce, ends=ends)


def many_events(request: HttpRequest, jobs: Iterable[str], grant: Grant) -> HttpResponseBase:
    """The stream of some jobs, which does not end. The caller has checked who asks."""
    return _respond(request, grant, jobs)


def owner_events(request: HttpRequest, grant: Grant, jobs: Iterable[str] = ()) -> HttpResponseBase:
    """The stream of all of an owner's jobs, those still to be started among them, and of `jobs`,
    whoever owns them. The caller has checked who asks."""
    return _respond(request, grant, jobs, feed=feed(grant.user))


def keep_connections() -> None:
    """Streams are let in by one thread that lives as long as its process: rather than connect for
    each of them, it keeps its database connections for a while."""
    for each in connections.all(initialized_only=True):
        each.close_at = time.monotonic() + CONNECTION_AGE


def news(request: HttpRequest, job: str, grant: Grant) -> Wait | None:
    """What an answer about one job may wait for, as `?wait=` and the cursor of the request say;
    None when it need not: who has no cursor knows nothing yet."""
    reader, seconds = _reader(request, grant, [job]), _seconds(request.GET.get("wait", ""))
    return None if reader.fresh or not seconds else Wait(hub, reader, seconds)


def _respond(
    request: HttpRequest, grant: Grant | LinkGrant, jobs: Iterable[str], **options: Any
) -> HttpResponseBase:
    """A stream, or under WSGI, where it would keep a worker to itself, what it owes by now."""
    reader = _reader(request, grant, jobs, **options)
    if isinstance(request, ASGIRequest):
        keep_connections()
        return EventStreamResponse(hub, reader)
    if reader.feed:
        reader.jobs |= frozenset(_active_or_new(reader.feed, reader.cursor))
    body = at_once.answer(
        reader, lambda jobs: glance().read(lambda log: log.read_after(jobs)), _rows
    )
    return HttpResponse(body, content_type="text/event-stream", headers=HEADERS)


def _reader(
    request: HttpRequest, grant: Grant | LinkGrant, jobs: Iterable[str], **options: Any
) -> Subscription:
    number, reason = cursor(request)
    return Subscription(
        jobs,
        cursor=number,
        reason=reason,
        heartbeat="heartbeat" in request.GET,
        period=_seconds(request.GET.get("heartbeat", "")),
        waits=_seconds(request.GET.get("poll", "")),
        holder=grant.holder,
        grant=grant,
        lasts=good_for(grant),
        **options,
    )


def _seconds(text: str) -> float:
    """Of a long-poll or between signs of life; 0 for what is no number: a stream as ever is the
    better answer to nonsense."""
    return min(float(text), MAX_WAIT) if text and re.fullmatch(r"[0-9]{1,3}", text) else 0.0


def _rows(jobs: Sequence[str]) -> Mapping[str, Snapshot]:
    return {str(job.pk): snapshot(job, None) for job in Job.objects.filter(pk__in=jobs)}


def _active_or_new(feed: str, number: int) -> Sequence[str]:
    """The owner's active jobs, and those that ended when the reader was last here, about, or
    later."""
    wanted = Q(status__in=ACTIVE)
    if number:
        wanted |= Q(finished_at__gte=_about(number))
    jobs = Job.objects.filter(wanted, owner_id=_owner(feed))
    return [str(job) for job in jobs.values_list("pk", flat=True)[:MAX_FOLLOWED]]


def _of_all(wanted: Collection[tuple[str, int]]) -> Mapping[tuple[str, int], Sequence[str]] | None:
    """The same of many readers, in one query; None where that would find too many."""
    owners = {feed: _owner(feed) for feed, _ in wanted}
    numbers = [number for _, number in wanted if number]
    due = Q(status__in=ACTIVE)
    if numbers:
        due |= Q(finished_at__gte=_about(min(numbers)))
    jobs = Job.objects.filter(due, owner_id__in={*owners.values()})
    rows = jobs.values_list("owner_id", "pk", "status", "finished_at")[: MAX_FOLLOWED + 1]
    if len(rows) > MAX_FOLLOWED:
        return None
    by_owner: dict[Any, list[tuple[str, str, datetime | None]]] = {}
    for owner, job, status, ended in rows:
        by_owner.setdefault(owner, []).append((str(job), status, ended))
    return {
        (feed, number): [
            job
            for job, status, ended in by_owner.get(owners[feed], ())
            if status in ACTIVE or (number and ended and ended >= _about(number))
        ]
        for feed, number in wanted
    }


def _about(number: int) -> datetime:
    """A minute before a number was given out: they are microseconds since 1970."""
    # A cursor of eighteen digits is past the last year that there is a date for.
    return datetime.fromtimestamp(min(number / 1e6, time.time()), UTC) - timedelta(minutes=1)


def _owner(feed: str) -> Any:
    return users.key(feed.removeprefix("user:"))


@sync_to_async
def _recover(jobs: Sequence[str]) -> Mapping[str, Snapshot]:
    try:
        return _rows(jobs)
    finally:
        close_old_connections()


@sync_to_async
def _members(
    wanted: Collection[tuple[str, int]],
) -> Mapping[tuple[str, int], Sequence[str]]:
    try:
        found = _of_all(wanted) if len(wanted) > 1 else None
        return found or {place: _active_or_new(*place) for place in wanted}
    finally:
        close_old_connections()

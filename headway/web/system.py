"""What the system page shows: workers and what they run, queues, and the parts of the installation.
Asked at most every few seconds by each web process, whoever looks and however often."""

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from headway.lifecycle import census
from headway.lifecycle.census import Census
from headway.lifecycle.log import glance
from headway.lifecycle.remembered import Remembered
from headway.models import HELD
from headway.stream import Log
from headway.users import User
from headway.web import streams
from headway.web.formatting import duration
from headway.web.runs import visible

SECONDS = 3.0
"""For which what was found out is shown again."""
HOUR = 3600.0
RUNNING, ENDED = 200, 2000
"""Jobs at work, and those that ended in the last hour, that are read at most: the newest."""
_numbers: "Remembered[Numbers]" = Remembered(SECONDS)
_seen: "Remembered[Seen]" = Remembered(SECONDS, most=20)


class Numbers(NamedTuple):
    """What does not depend on who asks."""

    census: Census
    redis: dict[str, Any] | None
    """What Redis says about itself; None: it does not answer."""
    streams: int
    """Open in this web process."""


@dataclass(frozen=True, slots=True)
class Row:
    """A job that is at work, or has ended in the last hour."""

    id: Any
    title: str
    kind: str
    status: str
    worker: str
    queued: datetime
    started: datetime
    """When it ended, for one that never began, as it is with one that has no worker."""
    finished: datetime | None
    owner: str

    @property
    def host(self) -> str:
        """The name of the worker; its process is told apart behind it."""
        return self.worker.partition("/")[0]

    @property
    def href(self) -> str:
        """Its page."""
        return reverse("headway:job", args=[self.id])


class Seen(NamedTuple):
    """Jobs that somebody may see, and when they were looked at."""

    running: Sequence[Row]
    ended: Sequence[Row]
    now: datetime
    whole: bool
    """Whether all of the last hour is there."""


def numbers() -> Numbers:
    """Everything that is counted, within a second whatever hangs."""
    return _numbers.get("", _ask)


def seen(viewer: User) -> Seen:
    """The jobs to draw."""
    return _seen.get(viewer.pk, lambda: _look(viewer))


def _ask() -> Numbers:
    found = census.take()
    opened = sum(n for (name, _way), n in streams.tally().items() if name == "open")
    return Numbers(found, glance().read(_about), opened)


def _about(log: Log) -> dict[str, Any]:
    begun = time.perf_counter()
    told = log.server()
    return {**told, "took": time.perf_counter() - begun}


def _look(viewer: User) -> Seen:
    now = timezone.now()
    held = visible(viewer, status__in=HELD, started_at__isnull=False)
    recent = visible(viewer, finished_at__gte=now - timedelta(seconds=HOUR))
    running = _rows(held.order_by("-started_at")[:RUNNING])
    ended = _rows(recent.order_by("-finished_at")[: ENDED + 1])
    return Seen(running, ended[:ENDED], now, len(ended) <= ENDED)


def _rows(jobs: Any) -> list[Row]:
    found = jobs.prefetch_related("owner").only(
        *("title", "kind", "status", "worker", "created_at", "not_before", "started_at"),
        *("finished_at", "owner"),
    )
    return [
        Row(
            job.pk,
            job.title,
            job.kind,
            job.status,
            job.worker,
            job.not_before or job.created_at,
            job.started_at or job.finished_at,
            job.finished_at,
            str(job.owner or _("nobody")),
        )
        for job in found
    ]


class Queue(NamedTuple):
    """A queue. `workers` is None where nobody knows who takes from it."""

    name: str
    due: int
    later: int
    running: int
    oldest: float | None
    workers: int | None

    @property
    def unserved(self) -> bool:
        """Whether jobs wait in it that nobody takes."""
        return self.workers == 0 and self.due + self.later > 0

    @property
    def waits(self) -> str:
        """How long the first job that is due has waited."""
        return duration(self.oldest)


def queues(found: Census) -> list[Queue]:
    """All that have jobs or workers, those that nobody serves first."""
    due, later, running = (Counter[str]() for _ in range(3))
    oldest: dict[str, float] = {}
    for each in found.jobs.active if found.jobs else ():
        due[each.queue] += each.due
        if each.status == "queued":
            later[each.queue] += each.number - each.due
        else:
            running[each.queue] += each.number
        if each.oldest is not None:
            oldest[each.queue] = max(each.oldest, oldest.get(each.queue, 0.0))
    served = Counter[str]()
    for worker in found.present.workers if found.present else ():
        served.update(worker.get("queues", ()))
    names = {*due, *later, *running, *served}
    told = [
        Queue(
            *(name, due[name], later[name], running[name], oldest.get(name)),
            served[name] if found.present else None,
        )
        for name in names
    ]
    return sorted(told, key=lambda each: (not each.unserved, -each.due, each.name))

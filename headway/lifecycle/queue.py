"""Explains why a queued job waits."""

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop, ngettext

from headway.kinds.numbers import grouped
from headway.lifecycle import turns
from headway.lifecycle.log import glance
from headway.lifecycle.remembered import Remembered
from headway.models import Job, Status
from headway.policy import policy
from headway.users import User

OTHERS_OF_OWNER = gettext_noop("Waits for other jobs of the same user")
MAX_AHEAD = 1000
"""Queued jobs that are looked through for those ahead of another."""
REMEMBERED = 1.0
"""Seconds: the line is the same whoever looks, and pages ask for their reasons every few."""
_line: Remembered[Sequence[Any]] = Remembered(REMEMBERED)


def why_queued(job: Job) -> str:
    """One sentence on what a queued job waits for; "" for any other job."""
    return reasons([job]).get(job.pk, "")


def reasons(jobs: Iterable[Job]) -> dict[Any, str]:
    """The same of each that is queued, by its id: with one look at the workers, and at the line
    where some only wait for others."""
    waiting = [job for job in jobs if job.status == Status.QUEUED]
    unsent = [job for job in waiting if job.published_at is None]
    turn = turns.of(unsent) if unsent else set()
    told = {job.pk: _until_published(job, turn) for job in waiting}
    published = [job for job in waiting if not told[job.pk]]
    if not published:
        return told
    workers = glance().read(lambda log: log.who_is_alive("worker"))
    told |= {job.pk: _without_worker(job, workers) for job in published}
    in_line = [job for job in published if not told[job.pk]]
    return told | (_places(in_line) if in_line else {})


def _until_published(job: Job, turn: Collection[Any]) -> str:
    wait = _seconds_until(job.not_before)
    if wait > 0:
        told = _("Retry in {time}") if job.attempt else _("Starts in {time}")
        return told.format(time=_duration(wait))
    if job.published_at is None:
        return _("Waiting for the queue") if job.pk in turn else _(OTHERS_OF_OWNER)
    return ""


def _without_worker(job: Job, workers: Mapping[str, Mapping[str, Any]] | None) -> str:
    if workers is None:
        return _("Waiting for the queue")
    if not workers:
        return _("No worker is running")
    if not any(job.queue in worker.get("queues", ()) for worker in workers.values()):
        return _("No worker takes jobs from the queue “{queue}”").format(queue=job.queue)
    return ""


def _places(jobs: Iterable[Job]) -> dict[Any, str]:
    """How many of the oldest queued jobs were published before each, in its queue."""
    line = _line.get("", _oldest)
    more = "+" if len(line) == MAX_AHEAD else ""
    told = {}
    for job in jobs:
        since = job.published_at
        # SQLite's clock gives milliseconds, written shorter than our microseconds: before itself
        ahead = sum(
            bool(queue == job.queue and pk != job.pk and at and since and at < since)
            for pk, queue, at in line
        )
        # More than all that were looked at is a plural, however many those are.
        text = ngettext("{number} job ahead", "{number} jobs ahead", MAX_AHEAD if more else ahead)
        number = grouped(ahead) + more
        told[job.pk] = text.format(number=number) if ahead else _("Next in line")
    return told


def _oldest() -> Sequence[Any]:
    """Id, queue and time of publication of those that have waited longest, whosoever they are."""
    oldest = Job.objects.filter(status=Status.QUEUED).order_by("created_at", "pk")
    return list(oldest.values_list("pk", "queue", "published_at")[:MAX_AHEAD])


def no_worker(user: User, waiting: bool | None = None) -> bool:
    """Whether jobs that this person may see are queued, or one is about to be, and no worker runs.
    `waiting` is the former, where that is known. False where Redis does not answer: then nobody
    knows."""
    if waiting is False or glance().read(lambda log: log.who_is_alive("worker")) != {}:
        return False
    return waiting or policy.visible(Job.objects.filter(status=Status.QUEUED), user).exists()


def _seconds_until(moment: datetime | None) -> float:
    return (moment - datetime.now(UTC)).total_seconds() if moment else 0.0


def _duration(seconds: float) -> str:
    """90 s, 25 min, 14 h: the largest unit of which there are two."""
    if seconds < 120:
        return f"{math.ceil(seconds)} s"
    return f"{round(seconds / 60)} min" if seconds < 2 * 3600 else f"{round(seconds / 3600)} h"

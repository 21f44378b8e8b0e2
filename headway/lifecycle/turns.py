"""Turns between owners: of each one's queued jobs only the first few are with the broker, so that
one who starts many does not keep others waiting behind all of them (docs/adr/0062). Nothing is kept
beside the rows: whose turn it is follows from who waits."""

import uuid
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any, TypeVar

from django.db.models import Q, QuerySet
from django.db.models.functions import Now

from headway.conf import conf
from headway.kinds import registry
from headway.models import HELD, Job, Status

DUE = Q(not_before=None) | Q(not_before__lte=Now())
T = TypeVar("T")
AT_ONCE = 200
"""Jobs that are found at once at most, where there is no limit."""


def are_taken() -> bool:
    """Whether jobs wait for their turn at all."""
    return bool(conf.JOB_MAX_PUBLISHED_PER_USER or conf.JOB_MAX_RUNNING_PER_USER)


def of(jobs: Iterable[Job]) -> set[uuid.UUID]:
    """The ids of those of `jobs` that may be with the broker now."""
    if not are_taken():
        return {job.pk for job in jobs}
    lines: dict[tuple[Any, str, bool], set[uuid.UUID]] = defaultdict(set)
    for job in jobs:
        lines[job.owner_id, job.queue, job.not_before is not None].add(job.pk)
    found = set[uuid.UUID]()
    ahead = not conf.JOB_MAX_RUNNING_PER_USER  # nobody knows what will run by then
    for (owner, queue, timed), asked in lines.items():
        first = set(_first(owner, queue, _line(owner, queue).values_list("pk", flat=True)))
        if timed and ahead and not asked <= first:  # jobs for later stand in a line of their own
            later = _line(owner, queue, due=False).values_list("pk", flat=True)
            first |= set(_first(owner, queue, later))
        found |= asked & first
    return found


def following(owner: Any, queue: str) -> Sequence[Job]:
    """The jobs of an owner (a primary key) in a queue whose turn has come, and that nobody has
    published yet."""
    line = _line(owner, queue)
    if not are_taken():
        return list(line.filter(published_at=None)[:AT_ONCE])
    return [job for job in _first(owner, queue, line) if job.published_at is None]


def _first(owner: Any, queue: str, line: QuerySet[Job, T]) -> list[T]:
    """Those of a line that may be with the broker."""
    most = conf.JOB_MAX_RUNNING_PER_USER
    first = list(line[: min(filter(None, (conf.JOB_MAX_PUBLISHED_PER_USER, most)))])
    if most:
        # After the line was read: what leaves it meanwhile to run counts twice, and not never. When
        # that ends, its worker looks again.
        mine = Job.objects.filter(owner=owner, queue=queue, max_attempts__gt=0).order_by()
        del first[max(0, most - mine.filter(status__in=HELD).count()) :]
    return first


def _line(owner: Any, queue: str, *, due: bool = True) -> QuerySet[Job]:
    """Who waits, in the order of their starts. Without jobs that are only observed, and those of
    kinds that this code does not know: they must not take the turn of others."""
    ours = Job.objects.filter(DUE if due else ~DUE, owner=owner, queue=queue, max_attempts__gt=0)
    known = ours.filter(status=Status.QUEUED, kind__in=sorted(registry.names()))
    return known.order_by("created_at", "pk")

"""Turns between owners: of each one's queued jobs only the first few are with the broker, so that
one who starts many does not keep others waiting behind all of them (docs/adr/0062). Nothing is kept
beside the rows: whose turn it is follows from who waits."""

import uuid
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from django.db.models import Q, QuerySet
from django.db.models.functions import Now

from headway.conf import conf
from headway.kinds import registry
from headway.models import HELD, Job, Status

DUE = Q(not_before=None) | Q(not_before__lte=Now())
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
    for (owner, queue, timed), asked in lines.items():
        first = set(_first(owner, queue).values_list("pk", flat=True))
        if timed and not asked <= first:  # those whose time has not come stand in a line of theirs
            first |= set(_first(owner, queue, due=False).values_list("pk", flat=True))
        found |= asked & first
    return found


def following(owner: Any, queue: str) -> Sequence[Job]:
    """The jobs of an owner (a primary key) in a queue whose turn has come, and that nobody has
    published yet."""
    if _limit(owner, queue) is None:
        return list(_line(owner, queue).filter(published_at=None)[:AT_ONCE])
    return [job for job in _first(owner, queue) if job.published_at is None]


def _first(owner: Any, queue: str, *, due: bool = True) -> QuerySet[Job]:
    return _line(owner, queue, due=due)[: _limit(owner, queue)]


def _limit(owner: Any, queue: str) -> int | None:
    """How many may be with the broker; None: all."""
    limit = conf.JOB_MAX_PUBLISHED_PER_USER or None
    most = conf.JOB_MAX_RUNNING_PER_USER
    if most:
        mine = Job.objects.filter(owner=owner, queue=queue, max_attempts__gt=0).order_by()
        left = max(0, most - mine.filter(status__in=HELD).count())
        return left if limit is None else min(left, limit)
    return limit


def _line(owner: Any, queue: str, *, due: bool = True) -> QuerySet[Job]:
    """Who waits, in the order of their starts. Without jobs that are only observed, and those of
    kinds that this code does not know: they must not take the turn of others."""
    ours = Job.objects.filter(DUE if due else ~DUE, owner=owner, queue=queue, max_attempts__gt=0)
    known = ours.filter(status=Status.QUEUED, kind__in=sorted(registry.names()))
    return known.order_by("created_at", "pk")

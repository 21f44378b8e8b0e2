"""Turns between owners: of each one's queued jobs only the first few are with the broker, so that
one who starts many does not keep others waiting behind all of them (docs/adr/0062). Nothing is kept
beside the rows: whose turn it is follows from who waits."""

import uuid
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple, TypeVar

from django.db.models import Q, QuerySet
from django.db.models.functions import Now

from headway.conf import conf
from headway.kinds import registry
from headway.models import HELD, Job, Status

DUE = Q(not_before=None) | Q(not_before__lte=Now())
ACT = "headway-many"
"""The kind of jobs that act on many others (lifecycle/bulk.py). They stand in a line of their own:
what cancels thousands of jobs must not wait until these have run."""
T = TypeVar("T")
AT_ONCE = 200
"""Jobs that are found at once at most, where there is no limit."""


class Line(NamedTuple):
    """Where jobs wait for one another."""

    owner: Any
    """A primary key."""
    queue: str
    acts: bool
    """Whether it is that of the jobs that act on others."""


def line_of(owner: Any, queue: str, kind: str) -> Line:
    """The line in which a job of this kind waits."""
    return Line(owner, queue, kind == ACT)


def are_taken() -> bool:
    """Whether jobs wait for their turn at all."""
    return bool(conf.JOB_MAX_PUBLISHED_PER_USER or conf.JOB_MAX_RUNNING_PER_USER)


def of(jobs: Iterable[Job]) -> set[uuid.UUID]:
    """The ids of those of `jobs` that may be with the broker now."""
    if not are_taken():
        return {job.pk for job in jobs}
    lines: dict[tuple[Line, bool], set[uuid.UUID]] = defaultdict(set)
    for job in jobs:
        line = line_of(job.owner_id, job.queue, job.kind)
        lines[line, job.not_before is not None].add(job.pk)
    found = set[uuid.UUID]()
    ahead = not conf.JOB_MAX_RUNNING_PER_USER  # nobody knows what will run by then
    for (line, timed), asked in lines.items():
        first = set(_first(line, _waiting(line).values_list("pk", flat=True)))
        if timed and ahead and not asked <= first:  # jobs for later stand in a line of their own
            first |= set(_first(line, _waiting(line, due=False).values_list("pk", flat=True)))
        found |= asked & first
    return found


def following(line: Line) -> Sequence[Job]:
    """The jobs of a line whose turn has come, and that nobody has published yet."""
    waiting = _waiting(line)
    if not are_taken():
        return list(waiting.filter(published_at=None)[:AT_ONCE])
    return [job for job in _first(line, waiting) if job.published_at is None]


def _first(line: Line, waiting: QuerySet[Job, T]) -> list[T]:
    """Those of them that may be with the broker."""
    limit, most = conf.JOB_MAX_PUBLISHED_PER_USER, conf.JOB_MAX_RUNNING_PER_USER
    first = list(waiting[: min(filter(None, (limit, most)))])
    if most and not line.acts:
        # After the line was read: what leaves it meanwhile to run counts twice, and not never. When
        # that ends, its worker looks again.
        mine = Job.objects.filter(owner=line.owner, queue=line.queue, max_attempts__gt=0)
        del first[max(0, most - mine.filter(status__in=HELD).order_by().count()) :]
    return first


def _waiting(line: Line, *, due: bool = True) -> QuerySet[Job]:
    """Who waits, in the order of their starts. Without jobs that are only observed, and those of
    kinds that this code does not know: they must not take the turn of others."""
    kinds = {name for name in registry.names() if line.acts == (name == ACT)}
    ours = Job.objects.filter(owner=line.owner, queue=line.queue, max_attempts__gt=0)
    known = ours.filter(DUE if due else ~DUE, status=Status.QUEUED, kind__in=sorted(kinds))
    return known.order_by("created_at", "pk")

"""Turns between owners: of each one's queued jobs only the first few are with the broker, so that
one who starts many does not keep others waiting behind all of them (docs/adr/0062). Nothing is kept
beside the rows: whose turn it is follows from who waits."""

import uuid
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from django.db.models import Q, QuerySet
from django.db.models.functions import Now

from headway.conf import conf
from headway.kinds import registry
from headway.lifecycle import prepared, returning
from headway.lifecycle.prepared import Given
from headway.models import HELD, Job, Status

DUE = Q(not_before=None) | Q(not_before__lte=Now())
ACT = "headway-many"
"""The kind of jobs that act on many others (lifecycle/bulk.py). They stand in a line of their own:
what cancels thousands of jobs must not wait until these have run."""
KEY, PUBLISHED = map(returning.NAMES.index, ("id", "published_at"))
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
        first = _ids(_first(line))
        if timed and ahead and not asked <= first:  # jobs for later stand in a line of their own
            first |= _ids(_first(line, due=False))
        found |= asked & first
    return found


def following(line: Line) -> Sequence[Job]:
    """The jobs of a line whose turn has come, and that nobody has published yet."""
    if not are_taken():
        return [returning.job(row) for row in _waiting(line, AT_ONCE, unsent=True)]
    return [returning.job(row) for row in _first(line) if row[PUBLISHED] is None]


def _first(line: Line, *, due: bool = True) -> list[Any]:
    """The rows of those in it that may be with the broker."""
    limit, most = conf.JOB_MAX_PUBLISHED_PER_USER, conf.JOB_MAX_RUNNING_PER_USER
    first = _waiting(line, min(filter(None, (limit, most))), due=due)
    if most and not line.acts:
        # After the line was read: what leaves it meanwhile to run counts twice, and not never. When
        # that ends, its worker looks again.
        mine = Job.objects.filter(owner=line.owner, queue=line.queue, max_attempts__gt=0)
        del first[max(0, most - mine.filter(status__in=HELD).order_by().count()) :]
    return first


def _waiting(
    line: Line, number: int, *, due: bool = True, unsent: bool = False
) -> list[Sequence[Any]]:
    """The rows of those who wait, in the order of their starts, at most so many. Without jobs that
    are only observed, and those of kinds that this code does not know: they must not take the turn
    of others."""
    kinds = tuple(sorted(name for name in registry.names() if line.acts == (name == ACT)))
    shape = (line.owner is None, kinds, number, due, unsent)
    return prepared.select(_asking, *shape, owner=line.owner, queue=line.queue)


def _asking(
    nobodys: bool, kinds: Sequence[str], number: int, due: bool, unsent: bool
) -> QuerySet[Job, Any]:
    whose = Q(owner=None) if nobodys else Q(owner_id=Given("owner"))
    whose &= Q(published_at=None) if unsent else Q()
    ours = Job.objects.filter(whose, queue=Given("queue"), max_attempts__gt=0)
    known = ours.filter(DUE if due else ~DUE, status=Status.QUEUED, kind__in=kinds)
    return known.order_by("created_at", "pk").values_list(*returning.NAMES)[:number]


def _ids(rows: Iterable[Sequence[Any]]) -> set[uuid.UUID]:
    return {Job._meta.pk.to_python(row[KEY]) for row in rows}

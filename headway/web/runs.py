"""The newest runs of a kind among the jobs that somebody may see: how they ended, how long they
waited and took. Bounded by a number of runs, which an index finds, however many there are."""

import uuid
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from hashlib import sha256
from itertools import groupby
from typing import Any

from django.core.exceptions import EmptyResultSet

from headway.lifecycle.remembered import Remembered
from headway.models import TERMINAL, Job, JobQuerySet, Status
from headway.policy import policy
from headway.users import User
from headway.web.keyset import first

NEWEST = 200
"""Runs that a kind's page is about."""
SAMPLE = 40
"""Runs that succeeded, the newest, which say what is usual: on every page the same."""
REMEMBERED = 30.0
"""Seconds, as long as earlier days are (days.py): new runs hardly change what is usual."""
FEWEST = 5
"""Of fewer runs nothing is usual."""
NOTABLE, SECONDS = 1.5, 5.0
"""How far from the usual band is worth a word: so many times its edge, and so many seconds."""
TOLD = (Status.SUCCEEDED, Status.FAILED, Status.LOST)
"""Ends that say how a kind works; a cancel says nothing."""


@dataclass(frozen=True, slots=True)
class Run:
    """A job that has ended; times are of its last attempt, in seconds, None where there is none."""

    id: uuid.UUID
    status: str
    queued: datetime
    waited: float | None
    ran: float | None
    reason: str
    cause: str | None


@dataclass(frozen=True, slots=True)
class Usual:
    """Seconds within which runs end: one in ten is quicker than `low`, one in ten takes longer than
    `high`, half of them longer than `mid`."""

    low: float
    mid: float
    high: float

    def differs(self, seconds: float, status: str) -> bool:
        """Whether a run is worth a word. That a failed one was quick says nothing."""
        slow = seconds > max(NOTABLE * self.high, self.high + SECONDS)
        quick = seconds < min(self.low / NOTABLE, self.low - SECONDS)
        return slow or (quick and status == Status.SUCCEEDED)


def visible(viewer: User, **about: Any) -> JobQuerySet:
    """The jobs that a viewer may see, of a kind or a status."""
    return policy.visible(Job.objects.filter(**about), viewer)  # type: ignore[return-value]  # as in questions.py


def newest(kind: str, viewer: User, count: int = NEWEST) -> list[Run]:
    """The newest runs of a kind that have ended, newest first. Two queries."""
    parts = [visible(viewer, kind=kind, status=status) for status in sorted(TERMINAL)]
    keys = [key.id for key in first(parts, "created_at", count)]
    columns = ("pk", "status", "created_at", "not_before", "started_at", "finished_at")
    rows = Job.objects.filter(pk__in=keys).values_list(*columns, "reason", "cause")
    return [_run(*row) for row in rows.order_by("-created_at", "-pk")]


def _run(
    pk: uuid.UUID,
    status: str,
    created: datetime,
    due: datetime | None,
    started: datetime | None,
    finished: datetime | None,
    reason: str,
    cause: str | None,
) -> Run:
    waited, ran = _between(due or created, started), _between(started, finished)
    return Run(pk, status, created, waited, ran, reason, cause)


def _between(since: datetime | None, until: datetime | None) -> float | None:
    return max(0.0, (until - since).total_seconds()) if since and until else None


def success_rate(runs: Iterable[Run]) -> tuple[int, int]:
    """How many succeeded, of how many that were not cancelled."""
    told = [run.status for run in runs if run.status in TOLD]
    return told.count(Status.SUCCEEDED), len(told)


def percentile(values: Iterable[float], percent: float) -> float | None:
    """Between the two nearest values, to scale; None without any."""
    known = sorted(values)
    if not known:
        return None
    place = (len(known) - 1) * percent / 100
    low = known[int(place)]
    return low + (known[min(int(place) + 1, len(known) - 1)] - low) * (place % 1)


def usual(seconds: Sequence[float]) -> Usual | None:
    """What is usual among these; None where they are too few to say."""
    if len(seconds) < FEWEST:
        return None
    low, mid, high = (percentile(seconds, each) or 0.0 for each in (10, 50, 90))
    return Usual(low, mid, high)


_usual: Remembered[Usual | None] = Remembered(REMEMBERED, most=2000)


def usuals(kinds: Collection[str], viewer: User) -> dict[str, Usual]:
    """What is usual for each of these kinds, by the newest runs that succeeded. One query, or none
    where all of it is remembered."""
    if not kinds:
        return {}
    seen = _seen(viewer)
    ask = cache(lambda: _asked(kinds, viewer))

    def known(kind: str) -> Usual | None:
        return _usual.get((seen, kind), lambda: ask().get(kind))

    return {kind: told for kind in kinds if (told := known(kind)) is not None}


def _seen(viewer: User) -> bytes:
    """Which jobs a viewer may see, by the query for them, whose text may be long: nobody is told of
    another's, and whose rights change asks anew. What a policy of a project's own has looked up by
    the database may hold on for REMEMBERED."""
    jobs = visible(viewer).order_by().values("pk")
    try:
        said = str(jobs.query.get_compiler(using=jobs.db).as_sql())
    except EmptyResultSet:
        said = ""
    return sha256(said.encode()).digest()


def _asked(kinds: Collection[str], viewer: User) -> dict[str, Usual]:
    arms = [
        Job.objects.filter(
            pk__in=visible(viewer, kind=kind, status=Status.SUCCEEDED)
            .order_by("-created_at", "-pk")[:SAMPLE]
            .values("pk")
        )
        .order_by()
        .values_list("kind", "started_at", "finished_at")
        for kind in sorted(kinds)
    ]
    rows: list[Any] = sorted(arms[0].union(*arms[1:], all=True) if arms[1:] else arms[0], key=_kind)
    found = {}
    for kind, some in groupby(rows, _kind):
        known = [taken for _, *times in some if (taken := _between(*times)) is not None]
        if (told := usual(known)) is not None:
            found[kind] = told
    return found


def _kind(row: tuple[str, Any, Any]) -> str:
    return row[0]

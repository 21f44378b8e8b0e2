"""Deletes old jobs, with their files, logs and whatever else belongs to them, in portions: none
holds a lock for long, and two janitors never have the same one (docs/adr/0053)."""

import logging
import random
import time
import uuid
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from datetime import datetime, timedelta
from functools import cache
from typing import Any, NamedTuple

import redis
from django.db.models import (
    BooleanField,
    ExpressionWrapper,
    ProtectedError,
    Q,
    QuerySet,
    RestrictedError,
    TextField,
    Value,
)
from django.db.models.functions import Cast, Coalesce, Now

from headway.conf import conf
from headway.lifecycle import database, files, prepared
from headway.lifecycle.belongings import Plan, plan
from headway.lifecycle.lease import later
from headway.lifecycle.log import log
from headway.lifecycle.prepared import Given
from headway.models import TERMINAL, Job, Status

logger = logging.getLogger(__name__)
ROUND = 2.0
"""Seconds after which the janitor looks after other things before it goes on."""
CLAIM = timedelta(minutes=2)
"""For how long a job belongs to who is about to delete it, in case that one dies."""
LOCK = 0.02
"""Seconds that one transaction is to hold what it deletes, in SQLite the whole database."""
SMALLEST, LARGEST = 32, 128
"""Rows of one transaction. In between, powers of two, each of which has statements of its own."""
SHARE = 0.25
"""How long the janitor leaves SQLite to others after it had it, as a share of that time: who waits
for its lock only looks now and then whether it is free."""
DAY = 86400.0
NOBODY = uuid.UUID(int=0)


# What earlier attempts and lost ones have stored, no row tells.
STORED = ~Q(files=[]) | Q(attempt__gt=1) | Q(status=Status.LOST) | Q(inputs__contains="uploads/")


class Rule(NamedTuple):
    """Jobs that are kept equally long: of a kind (None: of all kinds but `others`)."""

    kind: str | None
    others: Collection[str]
    statuses: Collection[str]
    days: int


class Due(NamedTuple):
    """An old job. `stored`: it may have files. `now`: by the database's clock."""

    job: uuid.UUID
    ended: datetime
    stored: bool
    now: datetime


class Portion:
    """How many rows to delete at once, found out while that goes on."""

    def __init__(self) -> None:
        self.size = 64

    @contextmanager
    def held(self) -> Iterator[list[Any]]:
        """A transaction, which puts into the list what it deletes. The size follows from the time
        since it has its lock: how long others had that before says nothing."""
        deleted: list[Any] = []
        with database.atomic():
            if database.connection().vendor == "sqlite":
                # Who has read before cannot wait for the lock: so write, although nothing
                prepared.update(_locking, pk=NOBODY)
            begun = time.monotonic()
            yield deleted
        self._took(time.monotonic() - begun, len(deleted))

    def _took(self, seconds: float, rows: int) -> None:
        if seconds > LOCK and rows:
            self.size = 1 << max(SMALLEST, int(rows * LOCK / seconds)).bit_length() - 1
        elif seconds < LOCK / 2 and rows >= self.size:
            self.size = min(LARGEST, self.size * 2)
        if database.connection().vendor == "sqlite":
            database.checkpoint()
            time.sleep(seconds * SHARE)


_jobs, _others = Portion(), Portion()


def prune() -> bool:
    """Deletes jobs that ended longer ago than their history is kept. True: there is more to do."""
    # Two that have SQLite's lock by turns read all that they need again each time, as the other has
    # written, at twice the CPU; and nobody else gets it in between.
    with database.alone_in_file() as alone, database.checkpoints_apart():
        return alone and _prune()


def _prune() -> bool:
    until = time.monotonic() + ROUND
    for rule in rules():
        since: datetime | None = None
        while found := _prune_some(rule, since):
            since = found[0].ended
            if time.monotonic() > until:
                return True
    return False


def rules() -> Iterator[Rule]:
    """From RETENTION, whose most exact entry counts, and JOB_HISTORY_DAYS."""
    given: dict[str, int] = dict(conf.RETENTION)
    kinds = {name.partition("/")[0] for name in given} - {"*"}
    for kind in (None, *sorted(kinds)):
        by_days: dict[int, list[str]] = {}
        for status in sorted(TERMINAL):
            by_days.setdefault(kept_days(kind, status), []).append(status)
        for days, statuses in by_days.items():
            others = tuple(sorted(kinds)) if kind is None else ()
            yield Rule(kind, others, tuple(statuses), days)


def kept_days(kind: str | None, status: str) -> int:
    """For how many days jobs of a kind that ended so are kept; None is any other kind."""
    named = (f"{kind}/{status}", f"{kind}/*", f"*/{status}", "*/*")
    return next(
        (conf.RETENTION[each] for each in named if each in conf.RETENTION), conf.JOB_HISTORY_DAYS
    )


def free(jobs: QuerySet[Job]) -> QuerySet[Job]:
    """Those that nobody is about to delete."""
    return jobs.filter(Q(lease_until=None) | Q(lease_until__lt=Now()))


def _prune_some(rule: Rule, since: datetime | None) -> list[Due]:
    """Deletes some old jobs, and returns all that it has found. Files and logs go afterwards: where
    this process dies before, leftovers.py finds the former, and the latter expire."""
    known = plan(_jobs.size)
    skips = database.connection().features.has_select_for_update_skip_locked
    shape = (rule, since is not None, _jobs.size, skips)
    _prepare(known, *shape)
    try:
        with _jobs.held() as deleted:
            found = [Due(*row) for row in prepared.converted(_finding, *shape, since=since)]
            jobs, rich, owned = known.divided([each.job for each in found])
            until = _claim(found, rich)
            owned.delete(jobs)
            deleted += jobs
    except (ProtectedError, RestrictedError):
        deleted, rich = [], jobs
        until = _claim(found, rich)
    gone = {*deleted, *(job for job in rich if _prune_alone(known, job, until))}
    _forget([each for each in found if each.job in gone])
    return found


@cache
def _prepare(known: Plan, *shape: Any) -> None:
    """Builds the statements of a portion, which takes longer than to execute them."""
    locks = database.connection().features.has_select_for_update
    with database.atomic() if locks else nullcontext():  # Django asks for one, PostgreSQL has none
        prepared.selecting(_finding, *shape)
        prepared.converting(_finding, *shape)
        known.prepare()


def _finding(rule: Rule, since: bool, number: int, skips: bool) -> QuerySet[Job, Any]:
    # As expressions, so that every database goes by the index of `finished_at`: in the order of
    # another one it would have to sort all that is due.
    jobs = Job.objects.filter(finished_at__lt=later(-rule.days * DAY)).order_by("finished_at")
    if since:
        jobs = jobs.filter(finished_at__gte=Given("since", Job._meta.get_field("finished_at")))
    named = jobs.alias(
        of_kind=Coalesce("kind", Value("")), ended_as=Coalesce("status", Value(""))
    ).filter(ended_as__in=rule.statuses)
    if rule.kind is not None:
        named = named.filter(of_kind=rule.kind)
    elif rule.others:
        named = named.exclude(of_kind__in=rule.others)
    found = free(named).alias(inputs=Cast("params", TextField()))
    rows = found.select_for_update(skip_locked=skips).values_list(
        "pk", "finished_at", ExpressionWrapper(STORED, BooleanField()), Now()
    )
    return rows[:number]


def _locking() -> prepared.Update:
    return Job.objects.filter(pk=Given("pk")), {"worker": ""}


def _claim(found: Sequence[Due], jobs: Sequence[uuid.UUID]) -> datetime | None:
    """Sets jobs aside: what this returns is their `lease_until`, which says nothing else of a job
    that has ended. It is random, so that it names its janitor."""
    if not jobs:
        return None
    until = found[0].now + CLAIM + timedelta(microseconds=random.randrange(10**6))  # noqa: S311 - no secret
    free(Job.objects.filter(pk__in=jobs, status__in=TERMINAL)).update(lease_until=until)
    return until


def _prune_alone(known: Plan, job: uuid.UUID, until: datetime | None) -> bool:
    """Deletes a claimed job, to which a million rows may belong. False: it is kept."""
    mine = Job.objects.filter(pk=job, lease_until=until)
    try:
        while mine.exists():
            with _others.held() as deleted:
                _, rich, owned = known.divided([job])
                if not rich:
                    return bool(owned.delete([job], mine))
                deleted += known.delete_some(job, _others.size)
    except (ProtectedError, RestrictedError) as error:
        logger.warning("Job %s is kept, since other rows need it: %s", job, error.args[0])
    return False


def _forget(gone: Sequence[Due]) -> None:
    for each in gone:
        if each.stored:
            try:
                files.delete_all_of(each.job)
            except Exception:  # storages raise what their services' libraries do
                logger.exception("The files of job %s could not be deleted", each.job)
    try:
        log().forget(*(str(each.job) for each in gone))
    except redis.RedisError as error:
        logger.warning("The logs of %d old job(s) expire by themselves: %s", len(gone), error)

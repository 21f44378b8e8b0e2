"""Deletes old jobs, with their files, logs and whatever else belongs to them, in portions: none
holds a lock for long, and two janitors never have the same one (docs/adr/0053)."""

import logging
import random
import time
from collections.abc import Collection, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from django.db import models
from django.db.models import ProtectedError, Q, QuerySet, RestrictedError, Value
from django.db.models.deletion import Collector
from django.db.models.functions import Coalesce, Now

from headway.conf import conf
from headway.lifecycle import database, files
from headway.lifecycle.lease import later
from headway.lifecycle.log import log
from headway.models import TERMINAL, Job

logger = logging.getLogger(__name__)
ROUND = 2.0
"""Seconds after which the janitor looks after other things before it goes on."""
CLAIM = timedelta(minutes=2)
"""For how long jobs belong to the janitor that is about to delete them, in case it dies."""
LOCK = 0.03
"""Seconds that one statement is to take: it holds what it deletes, in SQLite the whole database."""
SMALLEST, LARGEST = 20, 1000
"""Rows of one statement."""
SHARE = 0.25
"""How long the janitor leaves SQLite to others after it had it, as a share of that time: who waits
for its lock only looks now and then whether it is free."""
DAY = 86400.0


class Rule(NamedTuple):
    """Jobs that are kept equally long: of a kind (None: of all kinds but `others`)."""

    kind: str | None
    others: Collection[str]
    statuses: Collection[str]
    days: int


class Portion:
    """How many rows to delete at once, found out while that goes on."""

    def __init__(self) -> None:
        self.size = 200

    def took(self, seconds: float, rows: int) -> None:
        """Learns from the last statement."""
        if seconds > LOCK:
            self.size = max(SMALLEST, int(rows * LOCK / seconds))
        elif seconds < LOCK / 2 and rows >= self.size:
            self.size = min(LARGEST, self.size * 2)
        if database.connection().vendor == "sqlite":
            time.sleep(seconds * SHARE)


_jobs, _others = Portion(), Portion()


def prune() -> bool:
    """Deletes jobs that ended longer ago than their history is kept. True: there is more to do."""
    until = time.monotonic() + ROUND
    for rule in rules():
        since: datetime | None = None
        while (claimed := _claim(rule, since)).jobs:
            since = claimed.last
            _delete(claimed)
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
            yield Rule(kind, kinds if kind is None else (), statuses, days)


def kept_days(kind: str | None, status: str) -> int:
    """For how many days jobs of a kind that ended so are kept; None is any other kind."""
    named = (f"{kind}/{status}", f"{kind}/*", f"*/{status}", "*/*")
    return next(
        (conf.RETENTION[each] for each in named if each in conf.RETENTION), conf.JOB_HISTORY_DAYS
    )


class Claimed(NamedTuple):
    """Jobs that are this janitor's to delete: their `lease_until` is `until`. `last`: when the last
    of them had ended."""

    jobs: Sequence[Any]
    until: datetime | None = None
    last: datetime | None = None


def _claim(rule: Rule, since: datetime | None) -> Claimed:
    if not database.connection().features.has_select_for_update_skip_locked:
        return _claim_of(_due(rule, since))
    with database.atomic():
        return _claim_of(_due(rule, since).select_for_update(skip_locked=True))


def _claim_of(due: QuerySet[Job]) -> Claimed:
    found = list(due.values_list("pk", "finished_at", Now())[: _jobs.size])
    if not found:
        return Claimed([])
    # The lease of a job that has ended says nothing else. No two janitors find the same one.
    until = found[0][2] + CLAIM + timedelta(microseconds=random.randrange(10**6))  # noqa: S311 - no secret
    wanted = [pk for pk, *_ in found]
    begun = time.monotonic()
    taken = free(Job.objects.filter(pk__in=wanted, status__in=TERMINAL)).update(lease_until=until)
    _jobs.took(time.monotonic() - begun, len(wanted))
    if taken < len(wanted):
        mine = Job.objects.filter(pk__in=wanted, lease_until=until)
        wanted = list(mine.values_list("pk", flat=True))
    # If another was faster, there is still more to do: the next look finds what it left.
    return Claimed(wanted or [None], until, found[-1][1])


def free(jobs: QuerySet[Job]) -> QuerySet[Job]:
    """Those that nobody is about to delete."""
    return jobs.filter(Q(lease_until=None) | Q(lease_until__lt=Now()))


def _due(rule: Rule, since: datetime | None) -> QuerySet[Job]:
    # As expressions, so that every database goes by the index of `finished_at`: in the order of
    # another one it would have to sort all that is due.
    jobs = Job.objects.filter(finished_at__lt=later(-rule.days * DAY)).order_by("finished_at")
    if since is not None:
        jobs = jobs.filter(finished_at__gte=since)
    named = jobs.alias(
        of_kind=Coalesce("kind", Value("")), ended_as=Coalesce("status", Value(""))
    ).filter(ended_as__in=rule.statuses)
    if rule.kind is not None:
        named = named.filter(of_kind=rule.kind)
    elif rule.others:
        named = named.exclude(of_kind__in=rule.others)
    return free(named)


def _delete(claimed: Claimed) -> None:
    jobs = [job for job in claimed.jobs if job is not None]
    log().forget(*map(str, jobs))
    jobs = [job for job in jobs if _without_files(job)]
    for relation in _belongings():
        _delete_belongings(relation, jobs)
    using = database.alias()
    mine = Job.objects.using(using).filter(lease_until=claimed.until).only("pk")
    while jobs:
        now, jobs = jobs[: _jobs.size], jobs[_jobs.size :]
        begun = time.monotonic()
        _delete_rows(mine, now)
        _jobs.took(time.monotonic() - begun, len(now))


def _without_files(job: Any) -> bool:
    """False where a storage fails: the job is tried again when the claim has lapsed."""
    try:
        files.delete_all_of(job)
    except Exception:
        logger.exception("The files of job %s could not be deleted", job)
        return False
    return True


def _delete_rows(mine: QuerySet[Job], jobs: Sequence[Any]) -> None:
    try:
        mine.filter(pk__in=jobs).delete()
    except (ProtectedError, RestrictedError) as error:
        if not jobs[1:]:
            logger.warning("Job %s is kept, since other rows need it: %s", jobs[0], error.args[0])
            return
        for job in jobs:
            _delete_rows(mine, [job])


def _belongings() -> list[Any]:
    """Relations of rows that go with their job and that nothing else depends on. What is left,
    Django deletes together with the job."""
    collector = Collector(using=database.alias())
    return [
        relation
        for relation in Job._meta.related_objects
        if relation.on_delete is models.CASCADE
        and collector.can_fast_delete(relation.related_model._base_manager.all())
    ]


def _delete_belongings(relation: Any, jobs: Sequence[Any]) -> None:
    """There may be a million rows of one job."""
    rows = relation.related_model._base_manager.using(database.alias()).order_by()
    of_jobs = rows.filter(**{f"{relation.field.name}__in": jobs}).values_list("pk", flat=True)
    while found := list(of_jobs[: _others.size]):
        begun = time.monotonic()
        rows.filter(pk__in=found)._raw_delete(database.alias())
        _others.took(time.monotonic() - begun, len(found))

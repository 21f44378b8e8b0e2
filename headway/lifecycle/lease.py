"""Who may work on a job: one conditional UPDATE each, by the database's clock, decides it."""

import contextlib
import logging
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any, NamedTuple, TypeVar

from django.db import (
    DEFAULT_DB_ALIAS,
    InterfaceError,
    OperationalError,
    connection,
    connections,
    transaction,
)
from django.db.models import DateTimeField, Exists, ExpressionWrapper, F, OuterRef, Q, QuerySet
from django.db.models.expressions import Combinable
from django.db.models.functions import Now

from headway.conf import conf
from headway.lifecycle import announce, snapshots
from headway.models import HELD, Attempt, Job, Status

logger = logging.getLogger(__name__)
T = TypeVar("T")
Changes = dict[str, Any]

BLANK: Changes = {
    "percent": None,
    "current": None,
    "total": None,
    "message": "",
    "phase": "",
    "warning_count": 0,
    "result": None,
    "files": [],
}
"""Columns that belong to one attempt, before it begins."""

QUEUED_AGAIN: Changes = BLANK | {
    "status": Status.QUEUED,
    "published_at": None,
    "not_before": Now(),
    "started_at": None,
    "finished_at": None,
    "lease_until": None,
    "cancel_requested_at": None,
}

BACK_OFF = 5.0
"""Seconds before a job whose worker died runs again, lest it kills one worker after the other."""

PATIENCE = 300.0

MOST_INTERRUPTED = 20
"""Attempts up to which an interruption is free: a job that brings its machine to its knees may be
what its workers are shut down for."""


class Traces(NamedTuple):
    """What an attempt has said so far: progress, the first warnings, the last log lines."""

    progress: dict[str, Any] = {}  # noqa: RUF012 - replaced, never changed
    warnings: list[dict[str, str]] = []  # noqa: RUF012 - as above
    lines: list[dict[str, str]] = []  # noqa: RUF012 - as above


def later(seconds: float) -> Combinable:
    """The database's time in so many seconds (or before now, if negative)."""
    return ExpressionWrapper(Now() + timedelta(seconds=seconds), output_field=DateTimeField())


def claim(job_id: uuid.UUID | str, worker: str) -> Attempt | None:
    """Takes a job that is due, or whose last worker let its lease run out, for a new attempt.

    None means: somebody has it, it has ended, is not due or does not exist - leave it alone.
    """
    due = Q(status=Status.QUEUED) & (Q(not_before=None) | Q(not_before__lte=Now()))
    left = Q(status=Status.RUNNING, lease_until__lt=Now(), attempt__lt=F("max_attempts"))
    said = snapshots.last_words(job_id)  # before any transaction: Redis may hang
    with transaction.atomic():
        claimed = Job.objects.filter(due | left, pk=job_id).update(
            **BLANK,
            status=Status.RUNNING,
            attempt=F("attempt") + 1,
            lease_until=later(conf.JOB_LEASE),
            started_at=Now(),
            worker=worker,
            reason="",
        )
        if not claimed:
            return None
        job = Job.objects.get(pk=job_id)
        _end_attempts(job.pk, "The worker disappeared", said)
        attempt = Attempt.objects.create(
            job=job, number=job.attempt, worker=worker, started_at=Now()
        )
        announce.after_commit(job.pk)
    return attempt


def renew(attempt: Attempt, traces: Traces) -> bool | None:
    """Keeps the lease and commits the progress so far.

    True: kept. None: kept, and somebody asked to cancel. False: the attempt was replaced or ended.
    """
    with transaction.atomic():
        kept = _mine(attempt).update(lease_until=later(conf.JOB_LEASE), **_columns(traces.progress))
        if not kept:
            return False
        Attempt.objects.filter(pk=attempt.pk).update(**traces._asdict())
        status = Job.objects.values_list("status", flat=True).get(pk=attempt.job_id)
    return None if status == Status.CANCELLING else True


def checkpoint(attempt: Attempt, value: Any) -> bool:
    """Stores a value for later attempts. False when the attempt was replaced or ended."""
    with transaction.atomic():
        # An update that changes nothing, to hold the row against whoever would replace the attempt.
        held = _mine(attempt).update(attempt=attempt.number)
        return bool(held and Attempt.objects.filter(pk=attempt.pk).update(checkpoint=value))


def settle(
    attempt: Attempt,
    status: Status,
    traces: Traces,
    *,
    reason: str = "",
    error: str = "",
    result: Any = None,
    files: Sequence[str] = (),
) -> bool:
    """Ends the attempt and the job. False when the job was ended or given away before.

    Safe to repeat, for a database that is locked or away: see `insist`.
    """
    changes = _columns(traces.progress) | {
        "status": status,
        "reason": reason,
        "result": result,
        "files": list(files),
        "finished_at": Now(),
        "lease_until": None,
    }
    if status == Status.SUCCEEDED:
        changes["percent"] = 100.0
    if status == Status.CANCELLED and not reason:
        del changes["reason"]  # who asked for it is there already
    ending = traces._asdict() | {"status": status, "reason": reason, "error": error}
    return _end(_mine(attempt), attempt, changes, ending)


def requeue(
    attempt: Attempt,
    delay: float,
    traces: Traces,
    *,
    reason: str,
    error: str,
    changes: Mapping[str, Any],
) -> bool:
    """Ends the attempt and queues the job for the next one in `delay` seconds (a Celery retry).

    It does not count against `max_attempts`: Celery's `max_retries` limits it. False as in settle,
    and when somebody has asked to cancel.
    """
    queued = QUEUED_AGAIN | {
        "reason": reason,
        "not_before": later(delay),
        "max_attempts": F("max_attempts") + 1,
    }
    ending = traces._asdict() | {"status": Status.FAILED, "reason": reason, "error": error}
    running = _mine(attempt).filter(status=Status.RUNNING)
    return _end(running, attempt, queued | dict(changes), ending)


def interrupt(attempt: Attempt, traces: Traces, *, repeatable: bool) -> bool:
    """Gives back a job whose worker was told to end, which uses up none of its attempts. Only a
    job that is neither `repeatable` nor has a checkpoint to go on from is lost."""
    reason = "The worker was shut down"
    saved = Attempt.objects.filter(job=OuterRef("pk"), checkpoint__isnull=False)
    running = _mine(attempt).filter(status=Status.RUNNING, attempt__lt=MOST_INTERRUPTED)
    again = QUEUED_AGAIN | {
        "reason": f"{reason}. Another attempt follows",
        "max_attempts": F("max_attempts") + 1,
    }
    ending = traces._asdict() | {"status": Status.LOST, "reason": reason}
    if _end(running if repeatable else running.filter(Exists(saved)), attempt, again, ending):
        return True
    renew(attempt, traces)  # how far it came
    return abandon(attempt.job_id, reason, attempt=attempt.number)


def abandon(job_id: uuid.UUID | str, reason: str, **still: Any) -> bool:
    """Gives up the attempt of a job that nobody works on any more, while the conditions `still`
    hold: queued again while attempts are left, else lost; cancelled if that was asked for.

    For the janitor and for a worker's parent process. The janitor publishes what is queued again.
    """
    said = snapshots.last_words(job_id)  # before any transaction: Redis may hang
    held = Job.objects.filter(pk=job_id, **still)
    running = held.filter(status=Status.RUNNING)
    again = QUEUED_AGAIN | {
        "reason": f"{reason}. Another attempt follows",
        "not_before": later(BACK_OFF),
    }
    ending = (job_id, reason, said)
    if _give_up(running.filter(attempt__lt=F("max_attempts")), again, *ending):
        return True
    shown = _columns(said[max(said)]["progress"]) if said else {}
    ended = {"finished_at": Now(), "lease_until": None, **shown}
    lost = ended | {"status": Status.LOST, "reason": reason}
    cancelled = ended | {"status": Status.CANCELLED}
    stopping = held.filter(status=Status.CANCELLING)
    return _give_up(running, lost, *ending) or _give_up(stopping, cancelled, *ending)


def insist(action: Callable[[], T], seconds: float = PATIENCE) -> T:
    """Repeats `action` with growing pauses while the database is locked or away, for so long, not
    counting how long the database itself takes to say so; then the error comes out, and a lease
    that is not renewed ends the attempt."""
    deadline, pause = time.monotonic() + seconds, 0.1
    while True:
        try:
            return action()
        except (OperationalError, InterfaceError) as error:
            if time.monotonic() + pause > deadline or connection.in_atomic_block:
                raise
            logger.warning("The database did not answer, trying again in %.1f s: %s", pause, error)
        connection.close()
        time.sleep(pause)
        pause = min(5.0, pause * 2)


def drop_connection() -> None:
    """Leaves whatever this process was interrupted in. Just after a BEGIN that is a transaction of
    which Django does not know: it would hold SQLite for as long as the process lives."""
    open_one = connections[DEFAULT_DB_ALIAS]
    if open_one.connection is not None:
        with contextlib.suppress(Exception):  # of any database; then it is broken, and forgotten
            open_one.connection.rollback()
            open_one.close()
    del connections[DEFAULT_DB_ALIAS]


def _mine(attempt: Attempt) -> QuerySet[Job]:
    """The job's row as long as this attempt owns it."""
    return Job.objects.filter(pk=attempt.job_id, attempt=attempt.number, status__in=HELD)


def _end(held: QuerySet[Job], attempt: Attempt, changes: Changes, ending: Changes) -> bool:
    own = Attempt.objects.filter(pk=attempt.pk)
    with transaction.atomic():
        if held.update(**changes):
            own.update(**ending, finished_at=Now())
            announce.after_commit(attempt.job_id)
            return True
    # A commit whose answer got lost is found done the second time.
    return own.filter(status=ending["status"], finished_at__isnull=False).exists()


def _give_up(held: QuerySet[Job], changes: Changes, job_id: uuid.UUID | str, *ending: Any) -> bool:
    with transaction.atomic():
        if not held.update(**changes):
            return False
        _end_attempts(job_id, *ending)
        announce.after_commit(job_id)
    return True


def _end_attempts(job_id: uuid.UUID | str, reason: str, said: Mapping[int, Changes]) -> None:
    """Notes that attempts without an end were lost, and what they have said, by their numbers."""
    ending = {"status": Status.LOST, "reason": reason, "finished_at": Now()}
    for attempt in Attempt.objects.filter(job_id=job_id, finished_at=None).only("number"):
        found = said.get(attempt.number, {})
        Attempt.objects.filter(pk=attempt.pk).update(**ending, **found)


def _columns(progress: Mapping[str, Any]) -> Changes:
    """The columns of a job that keep its progress."""
    names = ("percent", "current", "total", "message", "phase")
    columns = {name: progress[name] for name in names if name in progress}
    if "warnings" in progress:
        columns["warning_count"] = progress["warnings"]
    return columns

"""Who may work on a job: decided by one conditional UPDATE each, by the database's clock."""

import uuid
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, cast

from django.db.models import DateTimeField, Exists, ExpressionWrapper, F, OuterRef, Q, QuerySet
from django.db.models.expressions import Combinable
from django.db.models.functions import Now

from headway.conf import conf
from headway.lifecycle import announce, causes, database, prepared, returning, snapshots
from headway.lifecycle.prepared import Given
from headway.lifecycle.traces import COLUMNS, Traces, of_job, write
from headway.models import HELD, Attempt, Job, Status
from headway.stream.event import MOTION, LastWords

Changes = dict[str, Any]

BLANK: Changes = {
    **{COLUMNS[name]: value for name, value in MOTION.items() if name in COLUMNS},
    "result": None,
    "files": [],
    "refused": False,
    "cause": None,
    "undo": None,
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
"""Seconds before a job whose worker died runs again, so that it does not kill one worker after the
other."""

MAX_FREE_INTERRUPTIONS = 20
"""Attempts up to which an interruption is free: a job that brings its machine to its knees may be
what its workers are shut down for, or what its database goes away for."""


def later(seconds: float) -> Combinable:
    """The database's time in so many seconds (or before now, if negative)."""
    return ExpressionWrapper(Now() + timedelta(seconds=seconds), output_field=DateTimeField())


def claim(job_id: uuid.UUID | str, worker: str) -> Attempt | None:
    """Takes a job that is due, or whose last worker let its lease run out, for a new attempt.

    None means: another worker has it, it has ended, is not due or does not exist - leave it alone.
    """
    # Most jobs are claimed once, and nobody has said anything in an attempt before.
    first = _claim(job_id, worker, {}, first=True)
    if first is not None:
        return first
    said = snapshots.last_words(job_id)  # before any transaction: Redis may hang
    return _claim(job_id, worker, said)


def _claim(
    job_id: uuid.UUID | str,
    worker: str,
    said: Mapping[int, LastWords],
    *,
    first: bool = False,
) -> Attempt | None:
    with database.atomic():
        job = returning.updated(_claiming, first, conf.JOB_LEASE, pk=job_id, worker=worker)
        if job is None:
            return None
        if job.attempt > 1:
            _end_attempts(job.pk, "The worker disappeared", said)
        due = job.not_before or job.created_at
        attempt = Attempt(job=job, number=job.attempt, worker=worker, due_at=due)
        attempt.started_at = cast("datetime", job.started_at)
        returning.insert(attempt)
        announce.after_commit(job.pk, Status.RUNNING, job)
    return attempt


def _claiming(first: bool, lease: int) -> prepared.Update:
    due = Q(status=Status.QUEUED) & (Q(not_before=None) | Q(not_before__lte=Now()))
    left = Q(status=Status.RUNNING, lease_until__lt=Now(), attempt__lt=F("max_attempts"))
    free = due & Q(attempt=0) if first else due | left
    return Job.objects.filter(free, pk=Given("pk")), BLANK | {
        "status": Status.RUNNING,
        "attempt": F("attempt") + 1,
        "lease_until": later(lease),
        "started_at": Now(),
        "worker": Given("worker"),
        "reason": "",
    }


def renew(attempt: Attempt, traces: Traces) -> bool | None:
    """Keeps the lease and commits the progress so far.

    True: kept. None: kept, and a cancel was requested. False: the attempt was replaced or ended.
    """
    with database.atomic():
        kept = _mine(attempt).update(lease_until=later(conf.JOB_LEASE), **of_job(traces.progress))
        if not kept:
            return False
        write(attempt, traces)
        status = Job.objects.values_list("status", flat=True).get(pk=attempt.job_id)
    return None if status == Status.CANCELLING else True


def checkpoint(attempt: Attempt, value: Any) -> bool:
    """Stores a value for later attempts. False when the attempt was replaced or ended."""
    with database.atomic():
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
    refused: bool = False,
) -> bool:
    """Ends the attempt and the job. False when the job was ended or given away before.

    Safe to repeat, for a database that is locked or away: see `outage.insist`.
    """
    changes = of_job(traces.progress) | {
        "status": status,
        "reason": reason,
        "result": result,
        "files": list(files),
        "refused": refused,
        "cause": _cause(attempt, reason, error) if status == Status.FAILED else None,
    }
    if status == Status.SUCCEEDED:
        changes["percent"] = 100.0
    if status == Status.CANCELLED and not reason:
        del changes["reason"]  # who asked for it is there already
    attempt_changes = {"status": status, "reason": reason, "error": error}
    kept = changes | {"pk": attempt.job_id, "number": attempt.number}

    def end() -> Job | None:
        return returning.updated(_settling, tuple(changes), **kept)

    return _end(end, attempt, changes, traces, attempt_changes)


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
    and when a cancel was requested.
    """
    queued = QUEUED_AGAIN | {
        "reason": reason,
        "not_before": later(delay),
        "max_attempts": F("max_attempts") + 1,
    }
    attempt_changes = {"status": Status.FAILED, "reason": reason, "error": error}
    running = _mine(attempt).filter(status=Status.RUNNING)
    queued |= changes

    def again() -> Job | None:
        return returning.update(running, attempt.job_id, **queued)

    return _end(again, attempt, queued, traces, attempt_changes)


def interrupt(
    attempt: Attempt,
    traces: Traces,
    reason: str,
    *,
    repeatable: bool,
    error: str = "",
    pause: float = 0.0,
) -> bool:
    """Queues a job again, in `pause` seconds, whose attempt was cut short by no fault of its own,
    which uses up none of its attempts; after MAX_FREE_INTERRUPTIONS it does.

    False: it is neither `repeatable` nor has a checkpoint to go on from, no attempt is left, or
    it was cancelled, ended or taken over.
    """
    saved = Attempt.objects.filter(job=OuterRef("pk"), checkpoint__isnull=False)
    running = _mine(attempt).filter(status=Status.RUNNING)
    free = running.filter(attempt__lt=MAX_FREE_INTERRUPTIONS)
    again = QUEUED_AGAIN | {"reason": f"{reason}. Another attempt follows"}
    at_no_cost = {"max_attempts": F("max_attempts") + 1, "not_before": later(pause)}
    attempt_changes = {"status": Status.LOST, "reason": reason, "error": error}

    def queue() -> Job | None:
        unspent = free if repeatable else free.filter(Exists(saved))
        left = running.filter(attempt__lt=F("max_attempts"))
        pk, counted = attempt.job_id, {"not_before": later(max(pause, BACK_OFF))}
        queued = returning.update(unspent, pk, **again | at_no_cost)
        return queued or returning.update(left, pk, **again | counted)

    return _end(queue, attempt, again, traces, attempt_changes)


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
    given_up = (job_id, reason, said)
    if _give_up(running.filter(attempt__lt=F("max_attempts")), again, *given_up):
        return True
    shown = of_job(said[max(said)]["progress"]) if said else {}
    ended = {"finished_at": Now(), "lease_until": None, **shown}
    kind = held.values_list("kind", flat=True).first() or ""
    cause = causes.fingerprint(kind, reason)
    lost = ended | {"status": Status.LOST, "reason": reason, "cause": cause}
    cancelled = ended | {"status": Status.CANCELLED}
    stopping = held.filter(status=Status.CANCELLING)
    return _give_up(running, lost, *given_up) or _give_up(stopping, cancelled, *given_up)


def _cause(attempt: Attempt, reason: str, error: str) -> str:
    return causes.fingerprint(attempt.job.kind, reason, error)


def _mine(attempt: Attempt) -> QuerySet[Job]:
    """The job's row as long as this attempt owns it."""
    return Job.objects.filter(pk=attempt.job_id, attempt=attempt.number, status__in=HELD)


def _settling(names: Sequence[str]) -> prepared.Update:
    number = Given("number", Job._meta.get_field("attempt"))
    held = Job.objects.filter(pk=Given("pk"), attempt=number, status__in=HELD)
    return held, {name: Given(name) for name in names} | {"finished_at": Now(), "lease_until": None}


def _end(
    end: Callable[[], Job | None],
    attempt: Attempt,
    changes: Changes,
    traces: Traces,
    attempt_changes: Changes,
) -> bool:
    with database.atomic():
        job = end()
        if job is not None:
            write(attempt, traces, ended=True, **attempt_changes)
            announce.after_commit(job.pk, changes["status"], job, traces.progress)
            return True
    # A commit whose answer got lost is found done the second time.
    own = Attempt.objects.filter(pk=attempt.pk, status=attempt_changes["status"])
    return own.filter(finished_at__isnull=False).exists()


def _give_up(
    held: QuerySet[Job],
    changes: Changes,
    job_id: uuid.UUID | str,
    reason: str,
    said: Mapping[int, LastWords],
) -> bool:
    with database.atomic():
        if not held.update(**changes):
            return False
        _end_attempts(job_id, reason, said)
        announce.after_commit(job_id, changes["status"])
    return True


def _end_attempts(job_id: uuid.UUID | str, reason: str, said: Mapping[int, LastWords]) -> None:
    """Notes that attempts without an end were lost, and what they have said, by their numbers."""
    attempt_changes = {"status": Status.LOST, "reason": reason}
    for attempt in Attempt.objects.filter(job_id=job_id, finished_at=None).only("number", "job"):
        write(attempt, said.get(attempt.number), ended=True, **attempt_changes)

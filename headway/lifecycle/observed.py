"""Rows of Celery tasks that are not job tasks. What Celery reports about them is recorded and
believed, whatever the row's state: they have no lease of their own and are not fenced."""

import uuid
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.db.models import F, QuerySet
from django.db.models.functions import Coalesce, Now

from headway.conf import conf
from headway.lifecycle import announce, causes, database, lease
from headway.lifecycle.lease import BLANK, later
from headway.lifecycle.traces import Traces, write
from headway.models import ACTIVE, Attempt, Job, Status

FORGOTTEN = 86400.0
"""Seconds after which a task that was due and never began is not waited for any more: its message
has the arguments, which we have not, so that nobody could send it again."""


def ours(status: Status) -> QuerySet[Job]:
    """Jobs in a state that are not only observed."""
    return Job.objects.filter(status=status, max_attempts__gt=0)


def queued(
    pk: uuid.UUID,
    kind: str,
    title: str,
    *,
    owner: Any = None,
    queue: str = "",
    not_before: datetime | None = None,
) -> None:
    """Makes the row of a task that was sent, unless there is one. A worker may be there first."""
    # Not in the transaction: SQLite refuses one that has read before others wrote (BUSY_SNAPSHOT).
    if Job.objects.filter(pk=pk).exists():
        return
    job = Job(id=pk, kind=kind, title=title, owner_id=owner, queue=queue, max_attempts=0)
    job.not_before = not_before
    with database.atomic():
        Job.objects.bulk_create([job], ignore_conflicts=True)
        Job.objects.filter(pk=pk, published_at=None).update(published_at=Now())
        database.on_commit(lambda: _tell_created(job))


def begun(pk: uuid.UUID, worker: str, *, vouched: bool) -> Attempt | None:
    """Notes that a worker has begun. `vouched`: a parent process will say that it still runs, so
    that its silence means something. None: the row is not there, or of a job of ours."""
    row = Job.objects.filter(pk=pk, max_attempts=0)
    with database.atomic():
        taken = row.update(
            **BLANK,
            status=Status.RUNNING,
            attempt=F("attempt") + 1,
            lease_until=later(conf.JOB_LEASE) if vouched else None,
            started_at=Now(),
            finished_at=None,
            worker=worker,
            reason="",
        )
        if not taken:
            return None
        job = row.get()
        _end_attempts(pk, Status.LOST, "The worker disappeared")
        number = job.attempt
        due = job.not_before or job.created_at
        attempt = Attempt.objects.create(
            job=job, number=number, worker=worker, due_at=due, started_at=Now()
        )
        announce.after_commit(pk, Status.RUNNING)
    return attempt


def vouch(task_ids: Iterable[str]) -> None:
    """A worker's parent process says that these still run; the janitor hears when it is silent."""
    running = Job.objects.filter(max_attempts=0, status=Status.RUNNING)
    running.filter(pk__in=_uuids(task_ids)).update(lease_until=later(conf.JOB_LEASE))


def ended(
    attempt: Attempt, status: Status, traces: Traces, *, reason: str = "", error: str = ""
) -> None:
    """Notes how a run has ended, also where its worker was silent for so long that it counts as
    lost."""
    lost = Job.objects.filter(pk=attempt.job_id, attempt=attempt.number, status=Status.LOST)
    with database.atomic():
        lost.update(status=Status.RUNNING)
        lease.settle(attempt, status, traces, reason=reason, error=error)


def retried(attempt: Attempt, delay: float, traces: Traces, *, reason: str, error: str) -> None:
    """Notes that Celery will run it again. Its message is sent before we hear of it, so that the
    next run may have begun: then this one has ended all the same."""
    changes = {"max_attempts": 0, "published_at": Now()}
    if not lease.requeue(attempt, delay, traces, reason=reason, error=error, changes=changes):
        attempt_changes: Any = {"status": Status.FAILED, "reason": reason, "error": error}
        with database.atomic():
            write(attempt, traces, **attempt_changes)


def revoked(pk: uuid.UUID, reason: str) -> None:
    """Records that it was revoked."""
    row = Job.objects.filter(pk=pk, max_attempts=0, status__in=ACTIVE)
    changes = {"status": Status.CANCELLED, "finished_at": Now(), "reason": reason}
    with database.atomic():
        if row.update(**changes, lease_until=None):
            _end_attempts(pk, Status.CANCELLED, reason)
            announce.after_commit(pk, Status.CANCELLED)


def end_forgotten() -> None:
    """Ends what was sent and never began."""
    waiting = Job.objects.filter(max_attempts=0, status=Status.QUEUED)
    due = Coalesce("not_before", "created_at")
    old = waiting.annotate(due=due).filter(due__lt=later(-FORGOTTEN))
    for pk, kind in list(old.values_list("pk", "kind")[:200]):
        reason = "It was not heard of for a day after it was due"
        lost = {"status": Status.LOST, "reason": reason, "cause": causes.fingerprint(kind, reason)}
        with database.atomic():
            if waiting.filter(pk=pk).update(**lost, finished_at=Now()):
                announce.after_commit(pk, Status.LOST)


def _end_attempts(pk: uuid.UUID, status: Status, reason: str) -> None:
    still_open = Attempt.objects.filter(job_id=pk, finished_at=None)
    still_open.update(status=status, reason=reason, finished_at=Now())


def _tell_created(job: Job) -> None:
    announce.created(Job.objects.get(pk=job.pk))


def _uuids(texts: Iterable[str]) -> list[uuid.UUID]:
    found = (as_uuid(text) for text in texts)
    return [each for each in found if each is not None]


def as_uuid(task_id: object) -> uuid.UUID | None:
    """The key of a task's row; None for a custom id that is not a UUID."""
    try:
        return uuid.UUID(str(task_id))
    except ValueError:
        return None

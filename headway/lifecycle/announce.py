"""Tells the log, and receivers of signals, what the database already holds. Redis may be
unavailable: nothing here ever raises."""

import logging
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

import redis
from django.db.models import QuerySet

from headway import signals
from headway.lifecycle import database, outbox, prepared, snapshots
from headway.lifecycle.log import feed, glance, log
from headway.lifecycle.prepared import Given
from headway.models import TERMINAL, Job, Status
from headway.stream import Event

logger = logging.getLogger(__name__)


SIGNALS = {
    Status.QUEUED: signals.job_queued,
    Status.RUNNING: signals.job_started,
    Status.CANCELLING: signals.job_cancelling,
    **dict.fromkeys(TERMINAL, signals.job_finished),
}


def after_commit(
    job_id: uuid.UUID | str,
    became: str,
    row: Job | None = None,
    said: Mapping[str, Any] | None = None,
) -> None:
    """Announces the job's state as soon as the surrounding transaction, in which it `became` what
    it is, is committed, and notes in that transaction whom to tell of its end. `row` is the job as
    this transaction leaves it, and `said` the last progress of its attempt; where they are not
    known, they are read."""
    outbox.ended(job_id, became, row)
    database.on_commit(lambda: state(job_id, row, said))
    signal_after_commit([job_id], became)


def signal_after_commit(job_ids: Sequence[uuid.UUID | str], became: str) -> None:
    """Sends the signal of a status as soon as the surrounding transaction is committed."""
    database.on_commit(lambda: _signal(job_ids, Status(became)))


def state(
    job_id: uuid.UUID | str, row: Job | None = None, said: Mapping[str, Any] | None = None
) -> None:
    """Appends the job's present state; `row` and `said` as in `after_commit`.

    Two processes may append in the other order than they committed. So each looks again after its
    own append, and whoever was overtaken appends once more: the last entry is always the truth.
    """
    job = row or Job.objects.filter(pk=job_id).first()
    while job is not None and _append(job, said):
        if (job.status, job.attempt) in prepared.select(_standing, pk=job.pk):
            return
        job, said = Job.objects.filter(pk=job_id).first(), None


def created(*jobs: Job) -> bool:
    """Appends the first entry of each job's log; asks Redis only. False when Redis is away."""
    try:
        log().create((str(job.pk), _event(job), job.attempt, feed(job.owner_id)) for job in jobs)
    except redis.RedisError as error:
        glance().note(error)
        more = f" and {len(jobs) - 1} more" if jobs[1:] else ""
        logger.warning("Redis did not take the start of job %s%s: %s", jobs[0].pk, more, error)
        return False
    return True


def _standing() -> QuerySet[Job, Any]:
    return Job.objects.filter(pk=Given("pk")).order_by().values_list("status", "attempt")


def _signal(job_ids: Sequence[uuid.UUID | str], became: Status) -> None:
    signal = SIGNALS[became]
    if signal.has_listeners(Job):
        for job in Job.objects.in_bulk(job_ids).values():
            signal.send_robust(sender=Job, job=job, status=became)


def _append(job: Job, said: Mapping[str, Any] | None) -> bool:
    try:
        # To its owner's streams the job may be new at any state: at a retry, when they had
        # nothing of it to follow any more, and when Redis did not take what was before.
        owner = feed(job.owner_id)
        log().append(
            str(job.pk), _event(job), attempt=job.attempt, feed=owner, first=_before(job, said)
        )
    except redis.RedisError as error:
        glance().note(error)
        logger.warning("Redis did not take state %s of job %s: %s", job.status, job.pk, error)
        return False
    return True


def _before(job: Job, said: Mapping[str, Any] | None) -> Event | None:
    """What is said of an end beside the state, for who does not listen to that."""
    if job.status == Status.FAILED:
        return Event("error", {"error": True, "job": str(job.pk), "message": job.reason})
    if job.status == Status.SUCCEEDED:
        return Event("progress", snapshots.completed(job, said))
    return None


def _event(job: Job) -> Event:
    return Event("state", snapshots.state(job), final=job.status in TERMINAL)

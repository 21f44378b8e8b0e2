"""Tells the log, and receivers of signals, what the database already holds. Redis may be
unavailable: nothing here ever raises."""

import logging
import uuid

import redis

from headway import signals
from headway.lifecycle import database, snapshots
from headway.lifecycle.log import feed, glance, log
from headway.models import TERMINAL, Job, Status
from headway.stream import Event

logger = logging.getLogger(__name__)


SIGNALS = {
    Status.QUEUED: signals.job_queued,
    Status.RUNNING: signals.job_started,
    Status.CANCELLING: signals.job_cancelling,
    **dict.fromkeys(TERMINAL, signals.job_finished),
}


def after_commit(job_id: uuid.UUID | str, became: str) -> None:
    """Announces the job's state as soon as the surrounding transaction, in which it `became` what
    it is, is committed."""
    database.on_commit(lambda: state(job_id))
    signal_after_commit(job_id, became)


def signal_after_commit(job_id: uuid.UUID | str, became: str) -> None:
    """Sends the signal of a status as soon as the surrounding transaction is committed."""
    database.on_commit(lambda: _signal(job_id, Status(became)))


def state(job_id: uuid.UUID | str) -> None:
    """Appends the job's present state.

    Two processes may append in the other order than they committed. So each looks again after its
    own append, and whoever was overtaken appends once more: the last entry is always the truth.
    """
    said: tuple[str, int] | None = None
    while True:
        job = Job.objects.filter(pk=job_id).first()
        if job is None or (job.status, job.attempt) == said:
            return
        said = (job.status, job.attempt)
        if not _append(job):
            return


def created(job: Job) -> bool:
    """Appends the first entry of a job's log; asks Redis only. False when Redis is away."""
    try:
        log().append(
            str(job.pk), _event(job), attempt=job.attempt, feed=feed(job.owner_id), created=True
        )
    except redis.RedisError as error:
        glance().note(error)
        logger.warning("Redis did not take the start of job %s: %s", job.pk, error)
        return False
    return True


def _signal(job_id: uuid.UUID | str, became: Status) -> None:
    signal = SIGNALS[became]
    if signal.has_listeners(Job) and (job := Job.objects.filter(pk=job_id).first()):
        signal.send_robust(sender=Job, job=job, status=became)


def _append(job: Job) -> bool:
    try:
        # To its owner's streams the job may be new at any state: at a retry, when they had
        # nothing of it to follow any more, and when Redis did not take what was before.
        owner = feed(job.owner_id)
        log().append(str(job.pk), _event(job), attempt=job.attempt, feed=owner, first=_before(job))
    except redis.RedisError as error:
        glance().note(error)
        logger.warning("Redis did not take state %s of job %s: %s", job.status, job.pk, error)
        return False
    return True


def _before(job: Job) -> Event | None:
    """What is said of an end beside the state, for who does not listen to that."""
    if job.status == Status.FAILED:
        return Event("error", {"error": True, "job": str(job.pk), "message": job.reason})
    if job.status == Status.SUCCEEDED:
        return Event("progress", snapshots.completed(job))
    return None


def _event(job: Job) -> Event:
    return Event("state", snapshots.state(job), final=job.status in TERMINAL)

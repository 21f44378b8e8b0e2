"""Gives back an attempt that was cut short through no fault of its own, so that another one can
continue."""

import logging
from collections.abc import Callable
from functools import partial
from typing import TypeVar

from billiard.exceptions import SoftTimeLimitExceeded
from django.db import Error

from headway.lifecycle import dispatch, lease, outage
from headway.lifecycle.traces import Traces
from headway.models import Attempt, Job, Status

logger = logging.getLogger(__name__)
T = TypeVar("T")
SHUT_DOWN = "The worker was shut down"
AWAY = "The database was not available"
NOT_AGAIN = f"{AWAY}, and this kind of job does not run again by itself"
MAX_PAUSE = 60.0
ENDED_AS: dict[str, Status] = {
    Status.RUNNING: Status.FAILED,
    Status.CANCELLING: Status.CANCELLED,
}


def by_shutdown(attempt: Attempt, traces: Traces, *, repeatable: bool) -> None:
    """Raises nothing: this process has to end, and then the lease does what is left."""
    try:
        outage.drop_connections()
        outage.insist(partial(_give_back, attempt, traces, repeatable=repeatable), seconds=3)
    except Exception:  # of a database that is away, or of any other kind
        logger.exception("Job %s is left to the janitor", attempt.job_id)


def by_outage(attempt: Attempt, traces: Traces, error: str, *, repeatable: bool) -> Status | None:
    """Waits for the database, and queues the job again; with a pause that grows, should it be the
    job itself that ends the database. If it is not to run again, how it has ended; None when
    somebody else has ended or taken it."""
    pause = min(MAX_PAUSE, (attempt.number - 1) * lease.BACK_OFF)

    def give_back() -> Status | None:
        if lease.interrupt(attempt, traces, AWAY, repeatable=repeatable, error=error, pause=pause):
            return Status.QUEUED
        held = Job.objects.filter(pk=attempt.job_id, attempt=attempt.number)
        now = held.values_list("status", flat=True).first()
        return ENDED_AS.get(now or "")

    how = outage.insist(give_back)
    if how == Status.QUEUED:
        logger.warning("Attempt %d of job %s: %s", attempt.number, attempt.job_id, AWAY)
        publish(attempt)
    return how


def publish(attempt: Attempt) -> None:
    """Sends the message of a job that is queued again; if that fails, the janitor does."""
    try:
        dispatch.publish(outage.insist(lambda: Job.objects.get(pk=attempt.job_id)))
    except (Error, Job.DoesNotExist) as error:
        logger.warning("Job %s is left to the janitor: %s", attempt.job_id, error)


def finished(action: Callable[[], T]) -> T:
    """What `action` gives, also when the alarm of a soft time limit, or a request to end this
    process, rings in the middle of it. Either rings once."""
    try:
        return action()
    except SoftTimeLimitExceeded:
        outage.drop_connections()
        return action()
    except SystemExit as told:
        outage.drop_connections()
        try:
            action()
        except Exception as error:  # how the job ended: that must not keep the process alive
            raise told from error
        raise


def _give_back(attempt: Attempt, traces: Traces, *, repeatable: bool) -> None:
    if not lease.interrupt(attempt, traces, SHUT_DOWN, repeatable=repeatable):
        lease.renew(attempt, traces)  # how far it came
        lease.abandon(attempt.job_id, SHUT_DOWN, attempt=attempt.number)

"""Waiting for the end of a job, in code without a page that shows its bar."""

import asyncio
import time
from collections.abc import Iterator

from django.db import transaction
from django.utils.translation import gettext as _

from headway.lifecycle import database
from headway.lifecycle.actions import ActionError
from headway.models import TERMINAL, Job

MIN_PAUSE, MAX_PAUSE = 0.05, 0.5
"""Seconds between two looks at the row: quick jobs are seen soon, and long ones cost little."""


def wait(job: Job, timeout: float) -> Job:
    """The job as it ended, within `timeout` seconds. Raises TimeoutError after that, ActionError
    when its row is gone, and TransactionManagementError within a transaction, in which it may not
    have been published."""
    for pause in pauses(timeout):
        now = _ended(Job.objects.filter(pk=job.pk).first())
        if now is not None:
            return now
        if database.connection().in_atomic_block:
            raise transaction.TransactionManagementError(
                "A job that is started in a transaction is published after it: wait outside."
            )
        time.sleep(pause)
    raise _timeout(job, timeout)


async def await_job(job: Job, timeout: float) -> Job:  # noqa: ASYNC109 - as of `wait`
    """`wait` for asynchronous code."""
    for pause in pauses(timeout):
        now = _ended(await Job.objects.filter(pk=job.pk).afirst())
        if now is not None:
            return now
        await asyncio.sleep(pause)
    raise _timeout(job, timeout)


def pauses(timeout: float) -> Iterator[float]:
    """Seconds to wait after each look; the last look is at the very end."""
    until, pause = time.monotonic() + timeout, MIN_PAUSE
    while (left := until - time.monotonic()) > 0:
        yield min(pause, left)
        pause = min(pause * 1.5, MAX_PAUSE)
    yield 0.0


def _ended(job: Job | None) -> Job | None:
    if job is None:
        raise ActionError(_("This job no longer exists."))
    return job if job.status in TERMINAL else None


def _timeout(job: Job, timeout: float) -> TimeoutError:
    return TimeoutError(f"The job {job.pk} has not ended within {timeout} s.")

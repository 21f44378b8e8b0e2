"""What the worker's parent process does when a child of its pool was killed under a job."""

import logging
import os
from collections.abc import Callable
from typing import Any

from billiard.exceptions import Terminated, WorkerLostError
from celery.exceptions import InvalidTaskError
from celery.worker.request import Request
from django.db import Error, connections

from headway.lifecycle import lease, snapshots
from headway.models import Attempt, Status

logger = logging.getLogger(__name__)
KILLED = "The worker process was killed, as happens when memory runs out"


def worker_name(hostname: str | None, pid: int | None = None) -> str:
    """How a row names the process that runs it: the worker's node and the child's pid."""
    return f"{hostname}/{pid or os.getpid()}"


class JobRequest(Request):
    """A message of a job. The child that ran it cannot settle any more, so the parent does."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Raises InvalidTaskError, upon which Celery drops the message, whatever is wrong with it:
        any other error would end the worker, and the next one that gets the message again."""
        try:
            super().__init__(*args, **kwargs)
        except (ValueError, TypeError, LookupError, AttributeError) as error:
            raise InvalidTaskError(f"{type(error).__name__}: {error}") from error

    def on_timeout(self, soft: bool, timeout: float) -> None:
        """Fails the job that ran into the hard time limit."""
        super().on_timeout(soft, timeout)
        if not soft:
            self._act(lambda worker: _fail(self.id, worker, f"Took longer than {timeout} s"))

    def on_failure(
        self, exc_info: Any, send_failed_event: bool = True, return_ok: bool = False
    ) -> None:
        """Gives up the attempt at once when its process is gone, without waiting for the lease."""
        super().on_failure(exc_info, send_failed_event, return_ok)
        error = getattr(exc_info.exception, "exc", exc_info.exception)
        if isinstance(error, (WorkerLostError, Terminated, SystemExit)):
            killed = "SIGKILL" in str(error)
            reason = KILLED if killed else "The worker process died"
            self._act(lambda worker: lease.abandon(self.id, reason, worker=worker))

    def _act(self, act: Callable[[str], object]) -> None:
        """Acts in this thread: a child forked while another one holds a lock would hang for ever.

        Tried once only, since the worker stands still meanwhile; after that the lease ends the job.
        """
        try:
            act(worker_name(self.hostname, int(self.worker_pid or 0)))
        except Error:
            logger.exception("Job %s is left to the janitor", self.id)
        finally:
            connections.close_all()


def _fail(job_id: str, worker: str, reason: str) -> None:
    said = snapshots.last_words(job_id)
    for attempt in Attempt.objects.filter(job_id=job_id, worker=worker, finished_at=None):
        traces = lease.Traces(**said[attempt.number])
        lease.settle(attempt, Status.FAILED, traces, reason=reason)

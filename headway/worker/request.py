"""What the worker's parent process does when a child of its pool was killed during a job."""

import logging
import os
import time
import uuid
from collections.abc import Callable
from typing import Any

from billiard.exceptions import Terminated, WorkerLostError
from celery.exceptions import InvalidTaskError
from celery.worker.request import Request
from django.db import Error, connections

from headway.conf import conf
from headway.lifecycle import lease, snapshots
from headway.lifecycle.lives import DIED, life
from headway.lifecycle.traces import Traces
from headway.models import Attempt, Status

logger = logging.getLogger(__name__)
_not_told: list[tuple[float, str, Callable[[], object]]] = []
KILLED = "The worker process was killed, as happens when memory runs out"


def worker_name(hostname: str | None, pid: int | None = None) -> str:
    """How a row names the process that runs it: the worker's node, which life of it, as another
    machine or a later one may use the same name, and the child's pid."""
    return "/".join(filter(None, (hostname, life.name, str(pid or os.getpid()))))


class JobRequest(Request):
    """A message of a job. The child that ran it cannot settle any more, so the parent does."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Raises InvalidTaskError, upon which the message is dropped, unless it names a job."""
        super().__init__(*args, **kwargs)
        try:
            uuid.UUID(self.id)
        except ValueError as error:
            raise InvalidTaskError("the header 'id' names no job") from error

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
            reason = KILLED if killed else DIED
            self._act(lambda worker: lease.abandon(self.id, reason, worker=worker))

    def _act(self, act: Callable[[str], object]) -> None:
        """Acts in this thread: a child forked while another one holds a lock would hang for ever.

        Tried again at each heartbeat only, since the worker stands still meanwhile.
        """
        worker, until = worker_name(self.hostname, int(self.worker_pid or 0)), time.monotonic()
        _not_told.append((until + conf.JOB_LEASE, self.id, lambda: act(worker)))
        tell()


def tell() -> None:
    """Tells the rows what the database has not taken yet; after a lease, that has told them."""
    for entry in _not_told.copy():
        until, job_id, act = entry
        try:
            act()
        except Error as error:
            logger.warning("Job %s: the database did not take its end: %s", job_id, error)
            if time.monotonic() < until:
                return
        finally:
            connections.close_all()
        _not_told.remove(entry)


def _fail(job_id: str, worker: str, reason: str) -> None:
    said = snapshots.last_words(job_id)
    for attempt in Attempt.objects.filter(job_id=job_id, worker=worker, finished_at=None):
        traces = Traces(**said[attempt.number])
        lease.settle(attempt, Status.FAILED, traces, reason=reason)

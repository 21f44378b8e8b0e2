"""Keeps the lease of a running attempt, in a thread of its own, which may wait for the database."""

import logging
import os
import signal
import threading
import time
from collections.abc import Callable

from billiard.process import current_process
from django.db import connections

from headway.conf import conf
from headway.lifecycle import lease, outage
from headway.models import Attempt
from headway.stream import Cancelled, Reporter, Superseded

logger = logging.getLogger(__name__)
BEAT = 0.5
"""Seconds between two looks at what is to be done."""
AGAIN = 1.0
"""Seconds until a renewal that failed is tried again."""
GRACE = 3.0
"""Seconds in which a task whose attempt was ended has to return; then its process is ended."""


class Keeper:
    """A context manager around one attempt. It renews the lease, tells the reporter when somebody
    has cancelled or replaced the attempt, and ends the process of a task that does not obey:
    a pool's child runs one job at a time, so no other job is in it."""

    def __init__(
        self, attempt: Attempt, reporter: Reporter, traces: Callable[[], lease.Traces]
    ) -> None:
        self._attempt, self._reporter, self._traces = attempt, reporter, traces
        self._ended = threading.Event()

    def __enter__(self) -> None:
        threading.Thread(target=self._run, name="lease", daemon=True).start()

    def __exit__(self, *_: object) -> None:
        # Not waited for: a renewal that is under way, or hangs, changes nothing that has ended.
        self._ended.set()

    def _run(self) -> None:
        due = time.monotonic() + conf.JOB_LEASE_RENEW
        while not self._ended.wait(BEAT):
            if self._reporter.superseded:
                return self._end_process()
            if time.monotonic() >= due:
                renewed = self._renew()
                due = time.monotonic() + (conf.JOB_LEASE_RENEW if renewed else AGAIN)
        return None

    def _renew(self) -> bool:
        try:
            kept = lease.renew(self._attempt, self._traces())
        except Exception as error:  # a database error of any kind: the lease may outlast it
            strange = not outage.is_outage(error)
            told = "The lease of job %s is not renewed yet: %s"
            logger.warning(told, self._attempt.job_id, error, exc_info=strange)
            return False
        finally:
            connections.close_all()  # of this thread, which Celery does not know
        if kept is False:
            self._reporter.interrupt(Superseded)
        elif kept is None:
            self._reporter.interrupt(Cancelled)
        return True

    def _end_process(self) -> None:
        if self._ended.wait(GRACE) or current_process().name == "MainProcess":
            return
        logger.error("Job %s does not end: its process does", self._attempt.job_id)
        os.kill(os.getpid(), signal.SIGKILL)

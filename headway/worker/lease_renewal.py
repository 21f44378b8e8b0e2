"""Renews the lease of a running attempt, in a thread of its own, which may wait for the
database."""

import logging
import os
import signal
import threading
import time
from collections.abc import Callable

from billiard.process import current_process
from django.db import connections

from headway import logs
from headway.conf import conf
from headway.kinds import json_values, registry
from headway.lifecycle import lease, outage
from headway.lifecycle.traces import Traces
from headway.models import Attempt, Status
from headway.stream import Cancelled, Reporter, Superseded

logger = logging.getLogger(__name__)
BEAT = 0.5
"""Seconds between two looks at what is to be done."""
AGAIN = 1.0
"""Seconds until a renewal that failed is tried again."""
FLOOD = 1000
"""Lines that are stored with a renewal at once: the log in Redis, which is trimmed, has no others
of an attempt whose process dies."""
GRACE = 3.0
"""Seconds in which a task whose attempt was ended has to return; then its process is ended."""


class LeaseRenewal:
    """A context manager around one attempt. It renews the lease, tells the reporter when a user
    has cancelled or replaced the attempt, and ends the process of a task that does not obey:
    a pool's child runs one job at a time, so no other job is in it. Where its kind asks for it, it
    ends an attempt that has stalled: only here is that known for sure, whatever Redis has heard."""

    def __init__(self, attempt: Attempt, reporter: Reporter, traces: Callable[[], Traces]) -> None:
        self._attempt, self._reporter, self._traces = attempt, reporter, traces
        self._longest = registry.stopped_after(attempt.job.kind)
        self._ended = threading.Event()

    def __enter__(self) -> None:
        self._due = time.monotonic() + min(conf.JOB_LEASE_RENEW, self._longest)
        _later.add(self, logs.carried(self._run))

    def __exit__(self, *_: object) -> None:
        # Not waited for: a renewal that is under way, or hangs, changes nothing that has ended.
        self._ended.set()
        _later.forget(self)

    def _run(self) -> None:
        due, done = self._due, True
        while not self._ended.is_set():
            if self._reporter.superseded:
                return self._end_process()
            if time.monotonic() >= due or (done and self._is_flooded()):
                done = self._fail() if self._stalled() else self._renew()
                pause = conf.JOB_LEASE_RENEW if done else AGAIN
                left = self._longest - self._reporter.quiet
                due = time.monotonic() + min(pause, max(AGAIN, left))
            self._ended.wait(BEAT)
        return None

    def _is_flooded(self) -> bool:
        return self._reporter.record.waiting >= min(FLOOD, conf.LOG_MAXLEN // 2)

    def _renew(self) -> bool:
        try:
            traces = self._traces()
            kept = lease.renew(self._attempt, traces)
        except Exception as error:  # a database error of any kind: the lease may outlast it
            strange = not outage.is_outage(error)
            told = "The lease of job %s is not renewed yet: %s"
            logger.warning(told, self._attempt.job_id, error, exc_info=strange)
            return False
        finally:
            connections.close_all()  # of this thread, which Celery does not know
        if traces.unstored:
            self._reporter.record.stored(traces.unstored[-1]["n"])
        if kept is False:
            self._reporter.interrupt(Superseded)
        elif kept is None:
            self._reporter.interrupt(Cancelled)
        return True

    def _stalled(self) -> bool:
        runs = self._reporter.progress()["status"] == "running"
        return runs and self._reporter.quiet > self._longest

    def _fail(self) -> bool:
        reason = f"No progress for {json_values.span(self._longest)}, so it was stopped"
        try:
            lease.settle(self._attempt, Status.FAILED, self._traces(), reason=reason)
        except Exception:  # as above
            logger.exception("Job %s has stalled and is not ended yet", self._attempt.job_id)
            return False
        finally:
            connections.close_all()
        logger.error("Job %s: %s", self._attempt.job_id, reason)
        self._reporter.interrupt(Superseded)
        return True

    def _end_process(self) -> None:
        if self._ended.wait(GRACE) or current_process().name == "MainProcess":
            return
        logger.error("Job %s does not end: its process does", self._attempt.job_id)
        os.kill(os.getpid(), signal.SIGKILL)


class _Later:
    """Begins a thread for each attempt that lasts for a BEAT: to begin one and to wake it at the
    end costs more than all else that a lease costs a shorter one."""

    def __init__(self) -> None:
        self._begin()
        os.register_at_fork(after_in_child=self._begin)

    def _begin(self) -> None:
        """Threads do not survive a fork."""
        self._lock = threading.Lock()
        self._waiting: dict[LeaseRenewal, tuple[float, Callable[[], None]]] = {}
        self._thread: threading.Thread | None = None

    def add(self, lease: LeaseRenewal, run: Callable[[], None]) -> None:
        """Has it `run`, unless it is forgotten before."""
        with self._lock:
            self._waiting[lease] = time.monotonic() + BEAT, run
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="leases", daemon=True)
                self._thread.start()

    def forget(self, lease: LeaseRenewal) -> None:
        """It has ended."""
        with self._lock:
            self._waiting.pop(lease, None)

    def _run(self) -> None:
        pause = BEAT
        while True:
            time.sleep(pause)
            with self._lock:
                now = time.monotonic()
                due = [lease for lease, (when, _) in self._waiting.items() if when <= now]
                begun = [(lease, self._waiting.pop(lease)[1]) for lease in due]
                if not (begun or self._waiting):
                    self._thread = None
                    return
                pause = min((when - now for when, _ in self._waiting.values()), default=BEAT)
            for renewal, run in begun:
                try:
                    threading.Thread(target=run, name="lease", daemon=True).start()
                except RuntimeError:  # the system has no more threads; the lease lasts a while
                    logger.exception("A lease cannot be looked after yet")
                    self.add(renewal, run)


_later = _Later()

"""Workers of the fault tests: all tests' tasks, short leases, and whatever else a fault needs."""

import contextlib
import os
import signal
import sys
import time

from headway.models import Job
from tests.jobs import kinds
from tests.jobs.conftest import TaskWorker
from tests.jobs.waiting import events
from tests.support.processes import wait_until
from tests.support.stack import Janitor, processes_of_session

SHORT = {"JOB_LEASE": "3", "JOB_LEASE_RENEW": "1", "JOB_REPUBLISH_AFTER": "1"}
"""A lease that runs out while a test waits."""
CALL = "from django.core.management import call_command; call_command('janitor')"
BOUND = 3 + 3 + 10
"""Seconds until the row tells of a lost worker: the lease, the sweep, a slow machine."""


class Crew(TaskWorker):
    """A worker with a short lease, and modules of its own loaded beside the tasks."""

    def __init__(self, *modules: str, **environment: str) -> None:
        super().__init__(**{**SHORT, **environment})
        self.command = [*self.command[:-1], ",".join([self.command[-1], *modules])]

    def children(self) -> list[int]:
        """The processes of its pool."""
        return [pid for pid in processes_of_session(self.pid) if pid != self.pid]

    def signal_all(self, number: int) -> None:
        """Send a signal to the worker and its pool."""
        for pid in processes_of_session(self.pid):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)


def deploy(crew: Crew) -> float:
    """Ends the worker as a process manager does and starts the next one; seconds that it took to
    end."""
    begun = time.monotonic()
    crew.signal(signal.SIGTERM)
    wait_until(lambda: not crew.running)
    took = time.monotonic() - begun
    crew.start()
    return took


def child_of(job: Job) -> int:
    """The process that runs a job, or has last."""
    running = Job.objects.exclude(worker="").filter(pk=job.pk, attempt__gt=0)
    found = wait_until(lambda: running.first())
    assert found is not None
    return int(found.worker.rpartition("/")[2])


def shown(job: Job) -> float:
    """How far the job is, as viewers see it."""
    return max((data.get("current") or 0 for _, data in events(job)), default=0)


class Sweeper(Janitor):
    """A janitor that thinks of leases as the crew does, and knows its tasks."""

    def __init__(self, **environment: str) -> None:
        super().__init__(**{**SHORT, **environment})
        code = f"import django; django.setup(); import {kinds.__name__}; {CALL}"
        self.command = [sys.executable, "-c", code]

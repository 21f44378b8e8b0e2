"""A worker that was stopped and comes back finds itself replaced."""

import os
import signal
from pathlib import Path

from headway.lifecycle import actions, janitor
from headway.models import Job
from tests.jobs.conftest import TaskWorker
from tests.jobs.waiting import ended, reload, states, until_status
from tests.support.processes import wait_until
from tests.support.stack import processes_of_session


def signal_all(worker: TaskWorker, number: int) -> None:
    for pid in processes_of_session(worker.pid):
        os.kill(pid, number)


def swept(job: Job) -> int:
    """The job's attempt after the janitor has passed."""
    janitor.sweep()
    return reload(job).attempt


def test_a_zombie_stops_and_changes_nothing(running: TaskWorker, tmp_path: Path) -> None:
    ledger = tmp_path / "ledger"
    job = actions.start("steps", {"count": 60, "pause": 0.1, "ledger": str(ledger)})
    until_status(job, "running")
    wait_until(lambda: ledger.exists() and ledger.read_text().count("\n") > 3)
    first = reload(job).worker
    zombie, second = running, TaskWorker(JOB_LEASE="3", JOB_LEASE_RENEW="1")
    signal_all(zombie, signal.SIGSTOP)
    try:
        second.start()
        wait_until(lambda: swept(job) == 2, every=0.5)
        assert reload(job).worker != first
    finally:
        signal_all(zombie, signal.SIGCONT)
    back = len(ledger.read_text().splitlines())
    done = ended(job)
    second.stop()
    assert (done.status, done.attempt, done.percent) == ("succeeded", 2, 100)
    assert [one.status for one in done.attempts.all()] == ["lost", "succeeded"]
    pid = first.rpartition("/")[2]
    after = [line for line in ledger.read_text().splitlines()[back:] if line.startswith(f"{pid} ")]
    assert len(after) <= 20, "the zombie went on for more than two seconds"
    wait_until(lambda: states(job)[-1] == "succeeded")
    assert states(job) == ["queued", "running", "queued", "running", "succeeded"]

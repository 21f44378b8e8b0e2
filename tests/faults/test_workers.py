"""Workers that die, hang, freeze or are handed what is not theirs: each job ends truthfully, in
words, within a lease and a sweep, and no two runs of it live at once. Faults F9 to F14, F23 to F26,
F31, F34 to F36 and F67."""

import os
import signal
import time
from pathlib import Path

import pytest

from headway.lifecycle import actions
from headway.models import Job
from tests.faults.crew import BOUND, Crew, child_of
from tests.faults.ledger import one_at_a_time, runs
from tests.jobs.waiting import ended, events, reload, until_status
from tests.support.patience import PATIENCE
from tests.support.processes import wait_until
from tests.support.stack import Valkey, Worker, processes_of_session

pytestmark = pytest.mark.usefixtures("transactional_db", "janitor")


def test_a_job_whose_worker_is_killed_runs_again_and_never_twice_at_once(
    crew: Crew, tmp_path: Path
) -> None:
    """F9, F10: kill -9 of the worker itself; its pool dies with it."""
    ledger = tmp_path / "ledger"
    job = actions.start("witness", {"ledger": str(ledger), "seconds": 3})
    wait_until(lambda: runs(ledger))
    children, killed = crew.children(), time.monotonic()
    crew.signal(signal.SIGKILL)
    again = until_status(job, "queued", seconds=BOUND)
    assert time.monotonic() - killed < BOUND
    # Who notices it first: whoever has seen the worker on this machine, or its lease
    assert again.reason.startswith(("The worker process died", "The worker disappeared"))
    # They run no more when what they held is given back, and are about to be reaped
    wait_until(lambda: not {*children} & {*processes_of_session(crew.pid)})
    crew.kill()
    crew.start()
    done = ended(job)
    assert (done.status, done.attempt) == ("succeeded", 2)
    assert len(one_at_a_time(ledger)) == 2


def test_a_killed_child_is_told_of_and_its_neighbour_goes_on(crew: Crew, tmp_path: Path) -> None:
    """F11: what the kernel does when memory runs out. The parent tells, unless the lease of this
    test runs out before it has looked."""
    ledger = tmp_path / "ledger"
    neighbour = actions.start("witness", {"ledger": str(ledger), "seconds": 4})
    job = actions.start("deaf", {"seconds": 30})
    wait_until(lambda: runs(ledger))
    os.kill(child_of(job), signal.SIGKILL)
    lost = until_status(job, "lost", seconds=BOUND)
    assert lost.reason.startswith(("The worker process was killed", "The worker disappeared"))
    assert actions.retry(lost).status == "queued"
    actions.cancel(until_status(job, "running"))
    assert (ended(neighbour).status, reload(neighbour).attempt) == ("succeeded", 1)
    os.kill(child_of(job), signal.SIGKILL)
    assert ended(job).status == "cancelled"


def test_a_task_that_takes_too_much_memory_fails_alone(crew: Crew) -> None:
    """F11: where a limit of the process says no before the kernel does."""
    children = set(crew.children())
    assert ended(actions.start("hungry", {})).reason == "The worker process ran out of memory"
    assert ended(actions.start("add", {"a": 1})).status == "succeeded"
    assert children <= set(crew.children())


def test_a_job_that_kills_its_worker_each_time_ends_and_its_neighbour_too(
    crew: Crew, tmp_path: Path
) -> None:
    """F12: either its parent or the janitor tells why, whoever is first."""
    neighbour = actions.start("witness", {"ledger": str(tmp_path / "l"), "seconds": 3})
    job = ended(actions.start("kills-its-worker", {}))
    assert (job.status, job.attempt) == ("lost", 2)
    assert "killed" in job.reason or "disappeared" in job.reason
    assert (ended(neighbour).status, reload(neighbour).attempt) == ("succeeded", 1)
    assert ended(actions.start("add", {"a": 1})).status == "succeeded"


@pytest.mark.parametrize("module", ["impatient_broker", "clock_ahead"])
def test_a_broker_that_hands_a_running_job_to_another_worker_changes_nothing(
    crew: Crew, tmp_path: Path, module: str
) -> None:
    """F13, F14: a visibility timeout shorter than the job, a worker whose clock is ahead. The other
    one comes when the job runs: what it takes itself is handed to nobody."""
    ledger = tmp_path / "ledger"
    job = actions.start("witness", {"ledger": str(ledger), "seconds": PATIENCE})
    wait_until(lambda: runs(ledger))
    other = Crew(f"tests.faults.{module}")
    other.start()
    try:
        wait_until(lambda: "dropped" in crew.output + other.output)
        ledger.with_suffix(".enough").touch()
        done = ended(job)
    finally:
        other.kill()
    assert (done.status, done.attempt) == ("succeeded", 1)
    assert len(runs(ledger)) == 1


def test_whatever_messages_are_lost_with_workers_every_job_ends(crew: Crew) -> None:
    """F23: kombu takes a message from the queue before it notes that it holds it."""
    jobs = [actions.start("steps", {"count": 3}) for _ in range(40)]
    for _ in range(3):
        wait_until(lambda: Job.objects.filter(status="running").exists())
        crew.kill()
        crew.start()
    assert {ended(job).status for job in jobs} <= {"succeeded", "lost"}
    assert Job.objects.filter(status="succeeded").count() >= 34


def test_short_jobs_do_not_wait_behind_a_long_one_while_another_worker_is_free(crew: Crew) -> None:
    """F24: nothing is prefetched."""
    long = [actions.start("steps", {"count": 10_000}) for _ in range(2)]
    wait_until(lambda: Job.objects.filter(status="running").count() == 2)
    other = Crew(WORKERS="1")
    other.start()
    try:
        short = [actions.start("add", {"a": number}) for number in range(3)]
        assert {ended(job).status for job in short} == {"succeeded"}
        assert Job.objects.filter(status="running").count() == 2
    finally:
        other.stop()
        for job in long:
            actions.cancel(job)
    wait_until(lambda: not Job.objects.filter(status="running").exists())


def test_a_task_that_hangs_and_does_not_let_go_is_ended_by_its_limit(crew: Crew) -> None:
    """F25: the hard limit works in the parent, which tells the row."""
    job = ended(actions.start("blocks", {}))
    assert (job.status, job.reason) == ("failed", "Took longer than 1 s")
    assert ended(actions.start("add", {"a": 1})).status == "succeeded"


def test_a_worker_that_was_frozen_past_its_lease_stops_at_once(crew: Crew, tmp_path: Path) -> None:
    """F26: SIGSTOP and SIGCONT; the task of the first attempt asks for nothing."""
    ledger = tmp_path / "ledger"
    job = actions.start("witness", {"ledger": str(ledger), "seconds": 8})
    wait_until(lambda: runs(ledger))
    frozen = child_of(job)
    crew.signal_all(signal.SIGSTOP)
    other = Crew()
    other.start()
    try:
        until_status(job, "running")
        wait_until(lambda: reload(job).attempt == 2)
        crew.signal_all(signal.SIGCONT)
        wait_until(lambda: frozen not in crew.children())
        assert "does not end: its process does" in crew.output
        done = ended(job)
    finally:
        other.stop()
    assert (done.status, done.attempt, done.percent) == ("succeeded", 2, 100)
    assert [one.status for one in done.attempts.all()] == ["lost", "succeeded"]
    assert ended(actions.start("add", {"a": 1})).status == "succeeded"


def test_a_task_that_reports_without_end_writes_ten_times_a_second(crew: Crew) -> None:
    """F31"""
    job = ended(actions.start("hasty", {"seconds": 2}))
    assert job.result is not None
    told = [data for kind, data in events(job) if kind == "progress"]
    assert 5 < len(told) <= 25 < job.result
    assert max(len(data["message"]) for data in told) <= 500


def test_starts_leave_nothing_behind_in_redis(crew: Crew, valkey: Valkey) -> None:
    """F34: no result backend, no subscription, no connection for each start."""
    # Until each process of the pool has sent somebody's next job as well
    for job in [actions.start("add", {"a": 0}) for _ in range(30)]:
        ended(job)
    with valkey.client() as client:
        before = len(client.client_list())
        jobs = [actions.start("add", {"a": number}) for number in range(60)]
        assert {ended(job).status for job in jobs} == {"succeeded"}
        wait_until(lambda: len(client.client_list()) <= before + 3)
        assert not list(client.scan_iter("celery-task-meta*"))
        assert not client.pubsub_channels("celery*")


def test_children_that_are_born_slowly_work_all_the_same(crew: Crew) -> None:
    """F35: Celery gives them four seconds by default, and kills them for ever."""
    crew.stop()
    slow = Crew("tests.faults.slow_birth", WORKERS="1")
    slow.start()
    try:
        assert ended(actions.start("add", {"a": 1})).status == "succeeded"
        assert "Timed out waiting for UP message" not in slow.output
    finally:
        slow.stop()


def test_a_worker_that_does_not_know_a_kind_leaves_it_to_one_that_does(crew: Crew) -> None:
    """F36: an old worker in the middle of a deploy."""
    crew.stop()
    old = Worker()
    old.start()
    try:
        job = actions.start("add", {"a": 1})
        old.wait_for(lambda: "Received unregistered task" in old.output)
        assert reload(job).status == "queued"
    finally:
        old.stop()
    crew.start()
    assert ended(job).status == "succeeded"


def test_a_job_that_is_deleted_while_it_runs_harms_nobody(crew: Crew) -> None:
    """F67: by code or the database's owner, since no page offers it."""
    job = actions.start("steps", {"count": 400})
    until_status(job, "running")
    neighbour = actions.start("steps", {"count": 40})
    Job.objects.filter(pk=job.pk).delete()
    wait_until(lambda: f"of job {job.pk} was replaced" in crew.output)
    assert (ended(neighbour).status, reload(neighbour).attempt) == ("succeeded", 1)

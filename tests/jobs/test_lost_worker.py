"""Workers that die or are told to go in the middle of a job."""

from collections.abc import Iterator

import pytest

from headway.lifecycle import actions, dispatch, janitor, lease, snapshots
from headway.lifecycle.log import log
from headway.models import Job
from headway.stream import Event
from tests.jobs import rows
from tests.jobs.conftest import TaskWorker
from tests.jobs.waiting import ended, events, reload, until_status
from tests.support.processes import wait_until
from tests.support.stack import Valkey


@pytest.fixture
def worker_of_mine(valkey: Valkey, transactional_db: None) -> Iterator[TaskWorker]:
    """A worker that a test may kill."""
    del transactional_db
    valkey.flush()
    process = TaskWorker(JOB_LEASE="3", JOB_LEASE_RENEW="1", WORKERS="1")
    process.start()
    yield process
    process.stop()


def swept_until(job: Job, status: str) -> Job:
    """Sweeps until the job has a status, and returns it."""

    def look() -> bool:
        janitor.sweep()
        return reload(job).status == status

    wait_until(look, every=0.3)
    return reload(job)


def test_a_job_whose_worker_was_killed_goes_on_with_the_next(worker_of_mine: TaskWorker) -> None:
    job = actions.start("steps", {"count": 100})
    until_status(job, "running")
    worker_of_mine.kill()
    again = swept_until(job, "queued")
    assert again.reason.startswith("The worker disappeared (no sign of life for ")
    worker_of_mine.start()
    swept_until(job, "running")
    done = ended(job)
    assert (done.status, done.attempt, done.result) == ("succeeded", 2, 100)


def test_a_job_that_may_run_once_is_lost_with_its_worker(worker_of_mine: TaskWorker) -> None:
    job = actions.start("deaf", {"seconds": 30})
    until_status(job, "running")
    worker_of_mine.kill()
    assert swept_until(job, "lost").reason.startswith("The worker disappeared")


def test_the_bar_of_a_lost_job_stays_where_viewers_saw_it_last(db: None, valkey: Valkey) -> None:
    """The row has less: progress is committed only with the lease."""
    valkey.flush()
    job, _ = rows.running(percent=10.0)
    shown = {"job": str(job.pk), "attempt": job.attempt, "status": "running", "percent": 42.5}
    log().append(str(job.pk), Event("state", snapshots.state(job)), attempt=job.attempt)
    log().append(str(job.pk), Event("progress", shown), attempt=job.attempt)
    assert lease.abandon(job.pk, "The worker disappeared")
    assert (reload(job).status, reload(job).percent) == ("lost", 42.5)


def test_a_worker_that_is_shut_down_gives_its_job_back(worker_of_mine: TaskWorker) -> None:
    job = actions.start("steps", {"count": 1000})
    until_status(job, "running")
    worker_of_mine.stop()
    assert reload(job).status == "queued", worker_of_mine.output[-3000:]
    assert reload(job).reason.endswith(". Another attempt follows")


def test_an_attempt_that_a_shutdown_ended_says_how_far_it_came(
    valkey: Valkey, transactional_db: None
) -> None:
    del transactional_db
    valkey.flush()
    worker = TaskWorker(JOB_LEASE="60", JOB_LEASE_RENEW="20", WORKERS="1")
    worker.start()
    try:
        job = actions.start("steps", {"count": 1000})
        wait_until(lambda: any(data.get("current") for _, data in events(job)))
    finally:
        worker.stop()
    attempt = reload(job).attempts.get()
    assert (attempt.status, attempt.reason) == ("lost", "The worker was shut down")
    assert attempt.progress["current"] > 0


def test_a_job_that_kills_every_worker_ends_after_its_attempts(worker_of_mine: TaskWorker) -> None:
    job = actions.start("kills-its-worker", {})
    done = swept_until(job, "lost")
    assert done.attempt == 2
    assert done.reason.startswith("The worker ")
    assert ended(actions.start("add", {"a": 1})).status == "succeeded"
    assert worker_of_mine.running


def test_queued_jobs_outlive_a_flush_of_redis(worker_of_mine: TaskWorker, valkey: Valkey) -> None:
    running = actions.start("steps", {"count": 40})
    until_status(running, "running")
    waiting = [actions.start("add", {"a": number}) for number in range(3)]
    valkey.flush()
    assert dispatch.depth("celery") == 0
    for job in waiting:
        sent = {"published_at": rows.ago(20)} if reload(job).published_at else {}  # else not yet
        rows.changed(job, created_at=rows.ago(20), **sent)
    janitor.sweep()
    assert {ended(job).status for job in [running, *waiting]} == {"succeeded"}
    assert {reload(job).attempt for job in [running, *waiting]} == {1}
    assert worker_of_mine.running

"""A database that is locked, full, restarted or hangs: jobs go on, and no end is lost. Fault F33,
and all that touches the rows over again on PostgreSQL."""

import os
import subprocess
import sys
import time

import pytest
from django.conf import settings

from headway.lifecycle import actions
from tests.faults.crew import Crew, child_of, shown
from tests.jobs.waiting import ended, reload, until_status
from tests.support.locking import locked
from tests.support.postgresql import PostgreSQL
from tests.support.processes import wait_until
from tests.support.thorough import Many

CREW = {"JOB_LEASE": "30", "JOB_LEASE_RENEW": "1"}  # it outlasts what happens to the database
ON_POSTGRESQL = (
    "tests/faults/on_postgresql.py",
    "tests/jobs/test_claim.py",
    "tests/jobs/test_double_start.py",
    "tests/jobs/test_settle.py",
    "tests/jobs/test_janitor.py",
    "tests/jobs/test_forgotten.py",
    "tests/jobs/test_leavers.py",
)
ALL_ON_POSTGRESQL = (*ON_POSTGRESQL, "tests/jobs/test_cancel.py")
"""With `--thorough`: which of a cancel and an end wins is among the others."""
LONG = 600
"""Seconds for a whole run of tests on another server."""


def test_a_locked_database_holds_up_no_progress_and_loses_no_end(crew: Crew) -> None:
    """F33: somebody else writes for seconds, while the lease is to be renewed and the job ends."""
    job = actions.start("steps", {"count": 60})
    until_status(job, "running")
    time.sleep(1.2)  # so that the lease is renewed within the lock
    with locked():
        before = shown(job)
        time.sleep(2.5)
        assert shown(job) > before + 20
        wait_until(lambda: shown(job) >= 60)
        assert reload(job).status == "running"
    assert (ended(job).status, reload(job).attempt, reload(job).result) == ("succeeded", 1, 60)


def test_a_full_disk_delays_the_end_and_does_not_lose_it(crew: Crew) -> None:
    """Files of the process that runs the job cannot grow meanwhile."""
    job = actions.start("steps", {"count": 20})
    child = child_of(job)
    _limit_files(child, "0")
    wait_until(lambda: shown(job) >= 20)
    time.sleep(1)
    assert reload(job).status == "running"
    _limit_files(child, "unlimited")
    done = ended(job)
    assert (done.status, done.attempt, done.result) == ("succeeded", 1, 20)


def test_a_job_that_finds_the_database_locked_goes_on_when_it_is_free(crew: Crew) -> None:
    """F71 as SQLite has it: its own rows, and somebody who writes for longer than it waits."""
    job = actions.start("impatient", {"count": 40})
    decided = actions.start("impatient", {"count": 40, "says": "The warehouse is closed."})
    wait_until(lambda: shown(job) > 5 and shown(decided) > 5)
    with locked():
        time.sleep(3)
    done = ended(job)
    assert (done.status, done.attempt, done.max_attempts) == ("succeeded", 2, 3)
    assert (done.result or 0) >= 5
    assert done.rows.count() == 40
    assert done.attempts.get(number=1).reason == "The database was not available"
    failed = ended(decided)  # a task that has an opinion of its own is believed
    assert (failed.status, failed.reason) == ("failed", "The warehouse is closed.")


@pytest.mark.timeout(LONG)
def test_everything_about_rows_holds_on_postgresql_too(many: Many) -> None:
    _pass_on_postgresql(*(ALL_ON_POSTGRESQL if many(0, thorough=1) else ON_POSTGRESQL))


@pytest.mark.timeout(LONG)
def test_jobs_outlive_what_happens_to_postgresql() -> None:
    """F71 to F75"""
    _pass_on_postgresql("tests/faults/outages_on_postgresql.py")


def _pass_on_postgresql(*files: str) -> None:
    server = PostgreSQL.create()
    environment = {
        **os.environ,
        "DATABASE_URL_OF_TESTS": server.url,
        "POSTGRESQL_DIRECTORY": str(server.directory),
    }
    options = ("-n", "0", "--no-cov", "-p", "no:randomly", "-q", "-x")
    try:
        done = subprocess.run(
            [sys.executable, "-m", "pytest", *options, *files],
            cwd=settings.BASE_DIR,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
    finally:
        server.close()
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]


def _limit_files(pid: int, size: str) -> None:
    subprocess.run(["prlimit", "--pid", str(pid), f"--fsize={size}:unlimited"], check=True)

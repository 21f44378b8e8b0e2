"""PostgreSQL that is restarted, gone or hangs while jobs run. Run by test_database.py, which gives
this process a server of its own. Faults of section 6."""

import os
import time
from pathlib import Path

import pytest
from django.db import connection, connections
from django.test import Client

from headway.lifecycle import actions
from tests.faults.crew import Crew, shown
from tests.jobs.waiting import ended, reload
from tests.support.postgresql import PostgreSQL
from tests.support.processes import wait_until

pytestmark = pytest.mark.usefixtures("crew")

CREW = {"JOB_LEASE": "30", "JOB_LEASE_RENEW": "1"}  # it outlasts what happens to the database
AGAIN = "The database did not answer, trying again"


@pytest.fixture
def server() -> PostgreSQL:
    """The server that DATABASE_URL names."""
    return PostgreSQL(Path(os.environ["POSTGRESQL_DIRECTORY"]))


def test_these_tests_have_postgresql() -> None:
    assert connection.vendor == "postgresql"


def test_a_restart_is_not_noticed_by_a_job(server: PostgreSQL) -> None:
    job = actions.start("steps", {"count": 80})
    wait_until(lambda: shown(job) > 0)
    server.stop()
    before = shown(job)
    wait_until(lambda: shown(job) > before + 20)  # progress needs no database
    server.start()
    connections.close_all()
    done = ended(job)
    assert (done.status, done.attempt, done.result) == ("succeeded", 1, 80)


def test_a_result_waits_for_the_database_and_is_written(server: PostgreSQL, crew: Crew) -> None:
    job = actions.start("steps", {"count": 16})
    wait_until(lambda: shown(job) > 0)
    before = crew.output.count(AGAIN)
    server.stop()
    wait_until(lambda: crew.output.count(AGAIN) > before)
    server.start()
    connections.close_all()
    done = ended(job)
    assert (done.status, done.attempt, done.result) == ("succeeded", 1, 16)


def test_a_database_that_hangs_holds_up_no_progress_and_loses_no_end(server: PostgreSQL) -> None:
    job = actions.start("steps", {"count": 80})
    wait_until(lambda: shown(job) > 0)
    server.pause()
    try:
        before = shown(job)
        time.sleep(2.5)  # a renewal hangs meanwhile
        assert shown(job) > before + 20
    finally:
        server.resume()
    assert (ended(job).status, reload(job).attempt) == ("succeeded", 1)


def test_without_the_database_the_site_says_so_and_comes_back(server: PostgreSQL) -> None:
    client = Client()
    server.stop()
    try:
        answer = client.get("/readyz")
        assert (answer.status_code, answer.json()["database"]) == (503, False)
        assert client.get("/healthz").status_code == 200
    finally:
        server.start()
    connections.close_all()
    wait_until(lambda: client.get("/readyz").json()["database"])

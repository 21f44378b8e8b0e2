"""PostgreSQL goes away under jobs that store rows of their own: they go on from their checkpoint,
at no cost, or fail in words. Run by test_database.py. Faults F71 to F75."""

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from django.db import connection, connections

from headway.lifecycle import actions
from headway.models import Job
from jobs.models import ImportedRow
from tests.faults.crew import Crew, Sweeper, child_of, shown
from tests.jobs.waiting import ended, until_status
from tests.support.pgbouncer import PgBouncer
from tests.support.postgresql import PostgreSQL
from tests.support.processes import wait_until

pytestmark = pytest.mark.usefixtures("crew")

CREW = {"JOB_LEASE": "30", "JOB_LEASE_RENEW": "1"}  # it outlasts what happens to the database
AWAY = "The database was not available"
COUNT = 60
OTHERS = (
    "SELECT pid FROM pg_stat_activity"
    " WHERE pid <> pg_backend_pid() AND datname = current_database()"
)


@pytest.fixture
def server() -> PostgreSQL:
    """The server that DATABASE_URL names."""
    return PostgreSQL(Path(os.environ["POSTGRESQL_DIRECTORY"]))


def sessions(condition: str) -> list[int]:
    """The server's processes, of others than us, for which a condition holds."""
    with connection.cursor() as cursor:
        cursor.execute(f"{OTHERS} AND {condition}")
        return [pid for (pid,) in cursor.fetchall()]


def restart(server: PostgreSQL) -> None:
    server.stop("fast")
    server.start()


def crash(server: PostgreSQL) -> None:
    server.crash(wait_until(lambda: sessions("query LIKE '%imported%'"))[0])
    time.sleep(0.5)  # until it has noticed


def fail_over(server: PostgreSQL) -> None:
    server.fail_over(pause=1.0)  # which copies the data first, and takes its time for that


def go_on(job: Job) -> Job:
    """Waits for the end of a job of which one attempt was interrupted."""
    connections.close_all()
    done = ended(job)
    first, second = done.attempts.order_by("number")
    assert (done.status, done.reason, done.attempt) == ("succeeded", "", 2)
    assert (first.status, first.reason, second.status) == ("lost", AWAY, "succeeded")
    assert "Error" in first.error  # for the admin
    assert done.max_attempts - done.attempt == 1  # as many as without the interruption
    assert second.number == 2
    return done


def rows(job: Job) -> list[int]:
    return [*ImportedRow.objects.filter(job=job).order_by("line").values_list("line", flat=True)]


@pytest.mark.parametrize("happens", [restart, crash, fail_over])
def test_jobs_go_on_from_their_checkpoint_or_fail_in_words(
    server: PostgreSQL, happens: Callable[[PostgreSQL], None]
) -> None:
    """F71, F72, F73"""
    job = actions.start("stores", {"count": COUNT, "stays": True})
    once = actions.start("stores-once", {"count": COUNT})
    wait_until(lambda: shown(job) > 5 and shown(once) > 5)
    happens(server)
    done = go_on(job)
    assert rows(job) == [*range(1, COUNT + 1)]
    assert (done.result or 0) >= 5
    failed = ended(once)
    assert (failed.status, failed.attempt) == ("failed", 1)
    assert failed.reason == f"{AWAY}, and this kind of job does not run again by itself"
    assert "OperationalError" in failed.attempts.get().error


def test_a_checkpoint_of_its_own_waits_for_the_database(server: PostgreSQL, tmp_path: Path) -> None:
    """F71: where it is all that a job writes, nothing is interrupted."""
    job = actions.start("counts", {"ledger": str(tmp_path / "ledger"), "count": COUNT})
    wait_until(lambda: shown(job) > 5)
    restart(server)
    connections.close_all()
    done = ended(job)
    assert (done.status, done.attempt, done.result) == ("succeeded", 1, COUNT)


def test_an_outage_that_outlasts_the_leases_costs_no_attempt(
    server: PostgreSQL, crew: Crew
) -> None:
    """F71: nobody can renew a lease while the database is away, so the janitor waits a little."""
    crew.stop()
    short = {"JOB_LEASE": "4", "JOB_LEASE_RENEW": "2"}
    of_short_lease, janitor = Crew(**short), Sweeper(**short)
    of_short_lease.start()
    janitor.start()
    try:
        job = actions.start("stores", {"count": COUNT, "stays": True})
        unaware = actions.start("steps", {"count": 4 * COUNT})
        wait_until(lambda: shown(job) > 5 and shown(unaware) > 5)
        server.stop()
        time.sleep(5)
        server.start()
        go_on(job)
        done = ended(unaware)
        assert (done.status, done.attempt) == ("succeeded", 1)
    finally:
        janitor.stop()
        of_short_lease.stop()


@pytest.mark.parametrize("how", ["plain", "wrapped", "quietly", "thread", "alias"])
def test_however_a_task_hears_of_it_it_goes_on(server: PostgreSQL, how: str) -> None:
    job = actions.start("asks-until-it-hurts", {"how": how, "seconds": 20})
    wait_until(lambda: shown(job) > 2)
    restart(server)
    assert go_on(job).result == how


def test_a_session_that_was_ended_in_a_transaction_is_an_interruption(
    server: PostgreSQL,
) -> None:
    """F74: by an administrator."""
    job = actions.start("stores", {"count": COUNT, "idle": 2})
    idle = "state = 'idle in transaction' AND state_change < now() - interval '1 s'"
    (session,) = wait_until(lambda: sessions(idle))
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s)", [session])
    assert go_on(job).result == 3
    assert rows(job) == [*range(1, COUNT + 1)]


def test_a_session_that_was_idle_for_too_long_is_an_interruption(server: PostgreSQL) -> None:
    """F74: by `idle_in_transaction_session_timeout`."""
    with connection.cursor() as cursor:
        name = connection.settings_dict["NAME"]
        cursor.execute(f"ALTER DATABASE {name} SET idle_in_transaction_session_timeout = 300")
        cursor.execute(  # it is for new sessions, and workers keep theirs for some seconds
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE pid <> pg_backend_pid() AND state = 'idle'"
        )
    try:
        assert go_on(actions.start("stores", {"count": 10, "idle": 1})).result == 3
    finally:
        with connection.cursor() as cursor:
            cursor.execute(f"ALTER DATABASE {name} RESET idle_in_transaction_session_timeout")


def test_a_restart_of_pgbouncer_is_an_interruption(server: PostgreSQL, crew: Crew) -> None:
    """F75"""
    crew.stop()
    bouncer = PgBouncer(server)
    through_it = Crew(**CREW, DATABASE_URL=bouncer.url(connection.settings_dict["NAME"]))
    through_it.start()
    try:
        job = actions.start("stores", {"count": COUNT, "stays": True})
        wait_until(lambda: shown(job) > 5)
        bouncer.stop()
        bouncer.start()
        go_on(job)
        job = actions.start("stores", {"count": COUNT})
        wait_until(lambda: shown(job) > 5)
        restart(server)  # which a job notices that asks just then; others are made to wait
        connections.close_all()
        done = ended(job)
        assert (done.status, done.max_attempts - done.attempt) == ("succeeded", 1)
    finally:
        through_it.stop()
        bouncer.close()
    assert rows(job) == [*range(1, COUNT + 1)]


def test_what_a_worker_knows_of_its_children_is_told_when_the_database_is_back(
    server: PostgreSQL, crew: Crew
) -> None:
    """It does not wait for the lease, after which the reason would be another."""
    killed, stuck = actions.start("deaf", {"seconds": 90}), actions.start("blocks", {})
    children = [child_of(killed), child_of(stuck)]
    server.stop("fast")
    os.kill(children[0], signal.SIGKILL)
    wait_until(lambda: not {*children} & {*crew.children()})
    server.start()
    connections.close_all()
    assert until_status(killed, "lost", seconds=10).reason.startswith("The worker process was")
    assert until_status(stuck, "failed", seconds=10).reason == "Took longer than 1 s"


@pytest.mark.parametrize("how", ["timeout", "deadlock", "password"])
def test_what_the_database_refuses_is_the_tasks_own_failure(how: str) -> None:
    job = ended(actions.start("is-refused", {"how": how}))
    assert (job.status, job.attempt) == ("failed", 1)
    assert AWAY not in job.reason


def test_what_a_job_starts_meanwhile_is_started_once(server: PostgreSQL) -> None:
    """Starting is a write of ours, too."""
    job = actions.start("starts-many", {"count": 30})
    wait_until(lambda: shown(job) > 5)
    restart(server)
    connections.close_all()
    done = ended(job)
    assert (done.status, done.attempt) == ("succeeded", 1)
    started = Job.objects.filter(kind="add")
    assert sorted(started.values_list("params__a", flat=True)) == [*range(30)]
    for one in started:
        assert until_status(one, "succeeded")

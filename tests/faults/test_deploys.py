"""A new version goes live while jobs run: short ones finish, longer ones go on in the next worker,
and what was stored is stored once. Faults F15 to F17."""

import contextlib
import os
import random
import signal
import time
from functools import partial
from pathlib import Path

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage

from jobs import actions
from jobs.models import ImportedRow, Job
from tests.faults.crew import Crew, child_of
from tests.jobs.waiting import ended, events, reload, until_status
from tests.support.processes import wait_until
from tests.support.thorough import Figure, Many

pytestmark = pytest.mark.usefixtures("transactional_db", "janitor")
CREW = {"WORKER_GRACE": "1", "JOB_LEASE": "30", "JOB_LEASE_RENEW": "10"}
SWEEPER = {"JOB_LEASE": "30", "JOB_LEASE_RENEW": "10"}
ROWS = 24_000
ONE_BY_ONE = 60
"""Rows of a job that commits each by itself, which takes it about a second."""
ENDINGS = (signal.SIGQUIT, signal.SIGKILL)


def deploy(crew: Crew) -> float:
    """Ends the worker as a process manager does and starts the next one; seconds that it took to
    end."""
    begun = time.monotonic()
    crew.signal(signal.SIGTERM)
    wait_until(lambda: not crew.running)
    took = time.monotonic() - begun
    crew.start()
    return took


def test_a_short_job_finishes_and_a_queued_one_runs_on_the_next_worker(crew: Crew) -> None:
    """F15, F17: one of the queued is held by the worker until it is due."""
    short = actions.start("steps", {"count": 14})
    later = actions.start("add", {"a": 1}, options={"countdown": 2})
    until_status(short, "running")
    time.sleep(0.2)
    assert deploy(crew) < 5
    assert (reload(short).status, reload(short).attempt) == ("succeeded", 1)
    assert (ended(later).status, reload(later).attempt) == ("succeeded", 1)


def test_a_job_with_a_checkpoint_goes_on_after_every_deploy_though_it_may_run_once(
    crew: Crew, tmp_path: Path
) -> None:
    """F15: deploys use up no attempts."""
    ledger = tmp_path / "ledger"
    job = actions.start("counts", {"ledger": str(ledger), "count": 130})
    for before in (0, 1):
        wait_until(partial(_has_begun, ledger, before))
        time.sleep(1)
        assert deploy(crew) < 5
    done = ended(job)
    assert (done.status, done.attempt, done.result) == ("succeeded", 3, 130)
    assert [one.status for one in done.attempts.all()] == ["lost", "lost", "succeeded"]
    assert done.attempts.all()[0].reason == "The worker was shut down"
    first, second, third = _starts(ledger)
    assert first == 0 < second < third < 130


def test_a_simulation_outlives_a_deploy_and_does_not_begin_anew(crew: Crew) -> None:
    job = actions.start("simulate", {"seconds": 6, "steps": 60})
    wait_until(lambda: reload(job).attempts.filter(checkpoint__isnull=False).exists())
    deploy(crew)
    done = ended(job)
    assert (done.status, done.attempt) == ("succeeded", 2)
    shown = [data for kind, data in events(job) if kind == "progress"]
    assert min(data["current"] or 60 for data in shown if data["attempt"] == 2) > 6


def test_a_job_that_may_run_once_and_cannot_go_on_says_so_and_can_be_retried(crew: Crew) -> None:
    job = actions.start("deaf", {"seconds": 4})
    until_status(job, "running")
    deploy(crew)
    lost = reload(job)
    assert (lost.status, lost.reason) == ("lost", "The worker was shut down")
    actions.retry(lost)
    assert (ended(job).status, reload(job).attempt) == ("succeeded", 2)


def test_a_job_that_was_asked_to_stop_is_cancelled_by_a_deploy(crew: Crew) -> None:
    job = actions.start("deaf", {"seconds": 30})
    actions.cancel(until_status(job, "running"))
    deploy(crew)
    assert reload(job).status == "cancelled"


def test_an_import_that_is_killed_anywhere_stores_every_row_once(crew: Crew) -> None:
    """F9, F15, F16: at random moments its worker is told to end or killed, or only its process."""
    lines = (f"{number},name {number}" for number in range(ROWS))
    name = default_storage.save("uploads/f.csv", ContentFile("\n".join(["id,name", *lines])))
    chance = random.Random(22)
    job = actions.start("import-csv", {"file": name})
    for how in (signal.SIGTERM, signal.SIGKILL, signal.SIGTERM, signal.SIGKILL):
        _await_rows(job, chance.randint(1, 5) * 1000)
        if how == signal.SIGTERM:
            deploy(crew)
        else:
            os.kill(int(reload(job).worker.rpartition("/")[2]), how)
    done = ended(job)
    assert done.status == "succeeded"
    assert done.attempt == 5
    assert done.result is not None
    assert done.result["rows"] == ROWS
    lines_stored = ImportedRow.objects.filter(job=job).values_list("line", flat=True)
    assert sorted(lines_stored) == list(range(2, ROWS + 2))


def test_jobs_interrupted_at_random_moments_store_every_row_once_and_lose_no_end(
    crew: Crew, tmp_path: Path, many: Many, record_property: Figure
) -> None:
    """F16: whatever was being written then: a claim, a row, an end."""
    ledger, chance = tmp_path / "ledger", random.Random(16)
    jobs, times = [], many(4, thorough=100)
    for number in range(times):
        jobs += [
            actions.start("commits", {"ledger": str(ledger), "count": ONE_BY_ONE}) for _ in range(2)
        ]
        time.sleep(chance.uniform(0, 0.6))
        running = wait_until(lambda: list(Job.objects.filter(status="running")))
        if number % 10 == 3:
            deploy(crew)
        else:
            with contextlib.suppress(ProcessLookupError):
                os.kill(child_of(chance.choice(running)), chance.choice(ENDINGS))
    assert {ended(job).status for job in jobs} == {"succeeded"}
    told = [line.split() for line in ledger.read_text().splitlines()]
    for job in jobs:
        noted = [int(line) for name, line in told if name == str(job.pk)]
        lines = list(ImportedRow.objects.filter(job=job).values_list("line", flat=True))
        assert sorted(lines) == list(range(1, ONE_BY_ONE + 1))
        assert len(noted) == len(set(noted)) > ONE_BY_ONE - reload(job).attempt
    record_property("interruptions", times)
    record_property("attempts cut short", sum(reload(job).attempt - 1 for job in jobs))
    record_property("rows", len(jobs) * ONE_BY_ONE)


@pytest.mark.parametrize(("while_it", "end"), [("begins", "succeeded"), ("fails", "failed")])
def test_a_process_that_is_told_to_end_ends_and_leaves_no_transaction(
    crew: Crew, while_it: str, end: str
) -> None:
    """F16"""
    job = actions.start("told-to-end", {"while_it": while_it})
    first = child_of(job)
    assert ended(job, 15).status == end  # sooner than SQLite would be waited for
    wait_until(lambda: first not in crew.children())
    assert not ImportedRow.objects.filter(job=job).exists()


def _await_rows(job: Job, more: int) -> None:
    """Waits until the running attempt has stored so many more rows."""
    until_status(job, "running")
    wanted = ImportedRow.objects.filter(job=job).count() + more
    wait_until(lambda: ImportedRow.objects.filter(job=job).count() >= wanted, every=0.01)


def _has_begun(ledger: Path, before: int) -> bool:
    return len(_starts(ledger)) > before


def _starts(ledger: Path) -> list[int]:
    """From where each run of a `counts` began."""
    lines = ledger.read_text().splitlines() if ledger.exists() else []
    return [int(line.removeprefix("from ")) for line in lines]

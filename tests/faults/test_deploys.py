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

from headway.lifecycle import actions
from headway.models import Job
from jobs.models import ImportedRow
from tests.faults.crew import Crew, child_of, deploy
from tests.jobs.waiting import ended, events, reload, until_status
from tests.support.patience import PATIENCE
from tests.support.processes import wait_until
from tests.support.thorough import Figure, Many

pytestmark = pytest.mark.usefixtures("transactional_db", "janitor")
CREW = {"WORKER_GRACE": "1", "JOB_LEASE": "30", "JOB_LEASE_RENEW": "10"}
SWEEPER = {"JOB_LEASE": "30", "JOB_LEASE_RENEW": "10"}
ONE_BY_ONE = 60
"""Rows of a job that commits each by itself, which takes it about a second."""
ENDINGS = (signal.SIGQUIT, signal.SIGKILL)


def test_a_short_job_finishes_and_a_queued_one_runs_on_the_next_worker(crew: Crew) -> None:
    """F15, F17: one of the queued is held by the worker until it is due."""
    short = actions.start("steps", {"count": 14})
    later = actions.start("add", {"a": 1}, options={"countdown": 2})
    until_status(short, "running", "succeeded")
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
    wait = many(PATIENCE, thorough=600)  # for all that wait in the queue by then
    assert {ended(job, wait).status for job in jobs} == {"succeeded"}
    told = [line.split() for line in ledger.read_text().splitlines()]
    for job in jobs:
        noted = [int(line) for name, line in told if name == str(job.pk)]
        lines = list(ImportedRow.objects.filter(job=job).values_list("line", flat=True))
        assert sorted(lines) == list(range(1, ONE_BY_ONE + 1))
        assert len(noted) == len(set(noted)) > ONE_BY_ONE - reload(job).attempt
    cut_short = sum(reload(job).attempt - 1 for job in jobs)
    assert cut_short >= times / 4  # some jobs end before their process does
    record_property("interruptions", times)
    record_property("attempts cut short", cut_short)
    record_property("rows", len(jobs) * ONE_BY_ONE)


@pytest.mark.parametrize(
    ("while_it", "end", "reasons"),
    [
        ("begins", "succeeded", ["The worker was shut down", ""]),
        ("fails", "failed", ["Wrong."]),
    ],
)
def test_a_process_that_is_told_to_end_ends_and_leaves_no_transaction(
    crew: Crew, while_it: str, end: str, reasons: list[str]
) -> None:
    """F16"""
    job = actions.start("told-to-end", {"while_it": while_it})
    first = child_of(job)
    assert ended(job).status == end
    # Its process has told so itself: what the janitor finds is said to be lost for another reason
    assert [one.reason for one in job.attempts.all()] == reasons
    wait_until(lambda: first not in crew.children())
    assert not ImportedRow.objects.filter(job=job).exists()


@pytest.mark.usefixtures("crew")
def test_a_job_that_is_out_of_time_leaves_no_transaction() -> None:
    """F25, where Django does not know yet that a transaction has begun."""
    job = ended(actions.start("late", {}))
    assert (job.status, job.reason) == ("failed", "Took longer than 1 s")
    assert not ImportedRow.objects.filter(job=job).exists()


def _has_begun(ledger: Path, before: int) -> bool:
    return len(_starts(ledger)) > before


def _starts(ledger: Path) -> list[int]:
    """From where each run of a `counts` began."""
    lines = ledger.read_text().splitlines() if ledger.exists() else []
    return [int(line.removeprefix("from ")) for line in lines]

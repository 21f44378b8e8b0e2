"""Cancelling tells the truth: at once, within a tick, past its deadline, against an end, and while
workers come and go. Faults F27 to F29."""

import random
import statistics
import time
from contextlib import suppress
from functools import partial
from pathlib import Path

import pytest

from headway.lifecycle import actions
from headway.models import TERMINAL, Job
from tests.faults.crew import Crew, child_of
from tests.faults.ledger import runs
from tests.jobs.waiting import ended, reload, states, until_status
from tests.support.processes import wait_until

pytestmark = pytest.mark.usefixtures("transactional_db", "janitor")
CREW = {"WORKERS": "3"}

DEADLINE = 2
SWEEPER = {"JOB_CANCEL_DEADLINE": str(DEADLINE)}


def test_a_queued_job_never_starts_after_its_cancel_whatever_workers_do(
    crew: Crew, tmp_path: Path
) -> None:
    """F27: Celery's revoke is forgotten with the worker that heard it."""
    ledger = tmp_path / "ledger"
    crew.stop()
    job = actions.start("witness", {"ledger": str(ledger), "seconds": 1})
    assert actions.cancel(job).status == "cancelled"
    crew.start()
    crew.kill()
    crew.start()
    assert ended(actions.start("add", {"a": 1})).status == "succeeded"
    assert (reload(job).status, runs(ledger)) == ("cancelled", [])


def test_a_cancel_stops_its_job_within_two_seconds_and_no_other(crew: Crew) -> None:
    """F28: at random moments, with neighbours in the same worker."""
    chance, took = random.Random(28), []
    neighbours = [actions.start("steps", {"count": 220}) for _ in range(2)]
    for _ in range(8):
        job = actions.start("steps", {"count": 1000, "pause": 0.01})
        until_status(job, "running")
        time.sleep(chance.uniform(0, 0.5))
        begun = time.monotonic()
        assert actions.cancel(job).status in ("cancelling", "cancelled")
        assert ended(job).status == "cancelled"
        took.append(time.monotonic() - begun)
    assert statistics.median(took) < 2
    for neighbour in neighbours:
        assert (ended(neighbour).status, reload(neighbour).attempt) == ("succeeded", 1)


def test_a_task_that_does_not_stop_is_ended_with_its_process_and_no_other(
    crew: Crew, tmp_path: Path
) -> None:
    """F28: after the deadline the attempt is fenced off, then its process goes."""
    ledger = tmp_path / "ledger"
    neighbour = actions.start("steps", {"count": 180})
    job = actions.start("witness", {"ledger": str(ledger), "seconds": 60})
    wait_until(lambda: runs(ledger))
    child = child_of(job)
    asked = time.monotonic()
    assert actions.cancel(job).status == "cancelling"
    done = ended(job, DEADLINE + 4)
    assert (done.status, done.reason) == ("cancelled", "Cancelled")
    assert time.monotonic() - asked >= DEADLINE
    assert done.attempts.get().reason == f"It did not stop within {DEADLINE} s"
    wait_until(lambda: child not in crew.children())
    assert (ended(neighbour).status, reload(neighbour).attempt) == ("succeeded", 1)
    (run,) = runs(ledger)
    time.sleep(0.3)
    assert runs(ledger) == [run], "it goes on"
    assert ended(actions.start("add", {"a": 1})).status == "succeeded"


@pytest.mark.usefixtures("crew")
def test_cancel_and_completion_have_one_winner_that_everybody_is_told_of() -> None:
    """F29"""
    chance = random.Random(29)
    jobs = [actions.start("steps", {"count": 4, "pause": 0.01}) for _ in range(40)]
    for job in chance.sample(jobs, len(jobs)):
        time.sleep(chance.uniform(0, 0.05))
        with suppress(actions.ActionError):  # it has ended
            actions.cancel(job)
    for job in jobs:
        status = ended(job).status
        wait_until(partial(_told, job, status))
        told = states(job)
        # Told twice where the cancel was told after the end that it came before (announce.py)
        assert {each for each in told if each in TERMINAL} == {status}, told
    assert Job.objects.filter(status__in=("succeeded", "cancelled")).count() == len(jobs)


def _told(job: Job, status: str) -> bool:
    return states(job)[-1] == status

"""A task that records its progress as celery-progress has it, with one import changed."""

from pathlib import Path

import pytest

from headway.models import Job
from headway.testing import run_job
from tests.helpers import tutorial
from tests.helpers.conftest import TheirWorker
from tests.helpers.test_observing import bar
from tests.jobs.waiting import ended
from tests.support.processes import wait_until


@pytest.mark.django_db(transaction=True)
def test_the_tutorials_task_runs_as_a_job_with_a_bar(
    their_worker: TheirWorker, tmp_path: Path
) -> None:
    go_on = tmp_path / "go-on"
    asked = tutorial.add_up.delay(4, until=str(go_on))
    job = Job.objects.get(pk=asked.id)  # it is there as soon as the view goes on
    assert job.title == "Add up"
    moved = wait_until(lambda: now if (now := bar(job)).get("current") == 3 else {})
    assert (moved["percent"], moved["message"]) == (75, "Step 3")
    go_on.touch()
    done = ended(job)
    assert (done.status, done.percent, done.current) == ("succeeded", 100, 4)


@pytest.mark.django_db(transaction=True)
def test_a_recorder_that_nobody_foresaw_makes_a_row_when_it_is_made(
    their_worker: TheirWorker,
) -> None:
    asked = tutorial.by_another_name.delay()
    wait_until(lambda: Job.objects.filter(pk=asked.id, status="succeeded").exists())
    done = Job.objects.get(pk=asked.id)
    assert (done.current, done.total, done.message) == (3, None, "Three")


def test_a_job_may_keep_its_recorder(db: None) -> None:
    run = run_job(tutorial.a_job_that_records, count=3)
    assert (run.status, run.percent) == ("succeeded", 100)
    assert [each["current"] for each in run.reports if each["total"] == 3] == [0, 1, 2, 3]


def test_a_call_is_a_call(db: None) -> None:
    assert tutorial.add_up(3) == 3
    assert not Job.objects.exists()

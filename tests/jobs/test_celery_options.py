"""What Celery offers keeps working when the task is a job."""

from datetime import UTC, datetime, timedelta

import pytest
from celery import chain, group
from django.contrib.auth.models import User

from headway.lifecycle import actions
from headway.models import Job
from tests.jobs import failing_kinds, kinds, parameter_kinds
from tests.jobs.conftest import TaskWorker
from tests.jobs.waiting import ended, reload, until_status
from tests.support.processes import wait_until


@pytest.mark.usefixtures("running")
def test_autoretry_queues_the_row_again_and_says_why() -> None:
    job = actions.start("flaky", {"failures": 2})
    waiting = until_status(job, "queued")
    wait_until(lambda: reload(job).reason.startswith("Retry 1"))
    waiting = reload(job)
    assert waiting.reason.startswith("Retry 1: Something unexpected went wrong")
    assert "ConnectionError: the network is gone" in job.attempts.get(number=1).error
    assert waiting.not_before is not None
    done = ended(job)
    assert (done.status, done.result, done.attempt) == ("succeeded", 2, 3)
    assert [one.status for one in done.attempts.all()] == ["failed", "failed", "succeeded"]


@pytest.mark.usefixtures("running")
def test_autoretry_gives_up_after_max_retries() -> None:
    job = ended(actions.start("flaky", {"failures": 9}))
    assert (job.status, job.attempt) == ("failed", 4)
    assert job.reason.startswith("Something unexpected went wrong")


@pytest.mark.usefixtures("running")
def test_a_task_may_retry_itself_with_other_parameters() -> None:
    job = ended(actions.start("asks-again", {"number": 0}))
    assert (job.status, job.result, job.params) == ("succeeded", 2, {"number": 2})


@pytest.mark.usefixtures("running")
def test_a_soft_time_limit_fails_the_job_with_its_length() -> None:
    job = ended(actions.start("too-slow", {}))
    assert (job.status, job.reason) == ("failed", "Took longer than 1 s")


@pytest.mark.usefixtures("running")
def test_a_hard_time_limit_fails_the_job_with_its_length() -> None:
    job = ended(actions.start("far-too-slow", {}))
    assert (job.status, job.reason) == ("failed", "Took longer than 1 s")
    assert job.attempts.get().status == "failed"


@pytest.mark.usefixtures("running")
def test_a_limit_of_one_call_counts() -> None:
    started = kinds.deaf.apply_async((20,), soft_time_limit=1)
    assert ended(started.id).reason == "Took longer than 1 s"


@pytest.mark.usefixtures("running")
def test_a_chain_runs_one_job_after_the_other_for_the_same_owner(alice: User) -> None:
    last = chain(kinds.add.s(1, 2), kinds.add.s(10), kinds.add.s(100)).apply_async(owner=alice)
    wait_until(lambda: Job.objects.filter(pk=last.id).exists())
    assert ended(str(last.id)).result == 113
    assert Job.objects.filter(owner=alice).count() == 3


@pytest.mark.usefixtures("running")
def test_a_chain_ends_with_a_failure() -> None:
    chain(failing_kinds.broken.s(), kinds.add.s(10)).apply_async()
    failed = ended(Job.objects.get())
    marker = ended(actions.start("add", {"a": 1}))
    assert set(Job.objects.values_list("pk", flat=True)) == {failed.pk, marker.pk}


@pytest.mark.usefixtures("running")
def test_a_cancelled_job_ends_its_chain() -> None:
    chain(kinds.polite.s(), kinds.add.s(10)).apply_async()
    job = until_status(Job.objects.get(), "running")
    actions.cancel(job)
    assert ended(job).status == "cancelled"
    ended(actions.start("add", {"a": 1}))
    assert Job.objects.count() == 2


@pytest.mark.usefixtures("running")
def test_a_second_message_does_not_run_a_chain_twice() -> None:
    chain(kinds.deaf.s(1), parameter_kinds.keyword_only.si(name="x")).apply_async()
    first = until_status(Job.objects.get(), "running")
    kinds.deaf.apply_async(task_id=str(first.pk))
    ended(first)
    wait_until(lambda: Job.objects.filter(kind="keyword-only", status="succeeded").exists())
    ended(actions.start("add", {"a": 1}))
    assert Job.objects.filter(kind="keyword-only").count() == 1


@pytest.mark.usefixtures("running")
def test_a_group_runs_all_its_jobs() -> None:
    group(kinds.add.s(number) for number in range(4)).apply_async()
    wait_until(lambda: Job.objects.filter(status="succeeded").count() == 4)
    assert {job.result for job in Job.objects.all()} == {1, 2, 3, 4}


@pytest.mark.usefixtures("running")
def test_a_countdown_is_kept() -> None:
    job = Job.objects.get(pk=kinds.add.apply_async((1,), countdown=1).id)
    assert job.not_before is not None
    done = ended(job)
    assert done.started_at is not None
    assert done.started_at >= job.not_before


def test_a_far_eta_is_left_to_the_janitor(db: None) -> None:
    eta = datetime.now(UTC) + timedelta(hours=2)
    job = Job.objects.get(pk=kinds.add.apply_async((1,), eta=eta).id)
    assert job.not_before is not None
    assert abs((job.not_before - eta).total_seconds()) < 5
    assert job.published_at is None


@pytest.mark.usefixtures("running")
def test_the_queue_of_a_call_is_used() -> None:
    job = Job.objects.get(pk=kinds.add.apply_async((1,), queue="elsewhere").id)
    assert job.queue == "elsewhere"
    ended(actions.start("add", {"a": 1}))
    assert reload(job).status == "queued"


def test_a_killed_child_costs_an_attempt_and_not_the_worker(running: TaskWorker) -> None:
    job = actions.start("kills-its-worker", {})
    waiting = until_status(job, "queued")
    wait_until(lambda: reload(job).reason != "")
    waiting = reload(job)
    assert waiting.reason.startswith("The worker process was killed, as happens when memory runs")
    assert [one.status for one in waiting.attempts.all()] == ["lost"]
    assert ended(actions.start("add", {"a": 1})).status == "succeeded", running.output[-4000:]
    assert running.running

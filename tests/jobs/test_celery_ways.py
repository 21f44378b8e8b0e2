"""Celery's own ways to start a task and to ask for its result."""

import datetime
import uuid
from typing import Any

import pytest
from celery import current_app, group
from celery.exceptions import TaskRevokedError
from celery.exceptions import TimeoutError as CeleryTimeoutError
from django.contrib.auth.models import User

import headway
from headway import ActionError, Job, JobError
from headway.models import Status
from tests.jobs import failing_kinds, kinds, parameter_kinds, rows
from tests.jobs.conftest import TaskWorker
from tests.jobs.waiting import ended, reload, until_status
from tests.support.forged import sound, written
from tests.support.processes import wait_until
from tests.support.stack import Valkey


@pytest.mark.usefixtures("running")
def test_a_task_that_anybody_sends_is_a_job() -> None:
    sent = current_app.send_task(kinds.add.name, (1,), {"b": 2})
    done = ended_soon(sent.id)
    assert (done.status, done.result, done.attempt) == (Status.SUCCEEDED, 3, 1)
    assert (done.owner, done.title, done.params) == (None, "Add two numbers", {"a": 1, "b": 2})


@pytest.mark.usefixtures("running")
def test_what_was_sent_with_it_counts() -> None:
    link = kinds.add.s(b=10)
    sent = current_app.send_task(
        parameter_kinds.takes_date.name,
        (datetime.date(2026, 1, 2),),
        {"when": datetime.date(2026, 1, 3), "note": "x"},
        countdown=1,
        expires=60,
    )
    assert ended_soon(sent.id).result == ["datetime.date(2026, 1, 2)", "datetime.date(2026, 1, 3)"]
    linked = current_app.send_task(kinds.add.name, (1, 2), link=link)
    done = ended_soon(linked.id)
    (after,) = wait_until(lambda: [*Job.objects.filter(params__b=10)])
    assert (done.result, ended(after).result) == (3, 13)


@pytest.mark.usefixtures("running")
def test_it_belongs_to_the_owner_of_the_job_that_sends_it(alice: User) -> None:
    job = headway.wait(kinds.sends_another.start(owner=alice), 60)
    done = ended_soon(job.result)
    assert (done.owner, done.result) == (alice, 42)


@pytest.mark.usefixtures("running")
def test_one_whose_arguments_do_not_fit_makes_no_job(task_worker: TaskWorker) -> None:
    before = len(task_worker.output)
    current_app.send_task(kinds.add.name, (), {"c": 1})
    wait_until(lambda: "asks for no job" in task_worker.output[before:])
    assert "Traceback" not in task_worker.output[before:]
    assert not Job.objects.exists()


@pytest.mark.usefixtures("running")
def test_a_message_of_ours_whose_row_is_gone_is_dropped(
    task_worker: TaskWorker, valkey: Valkey
) -> None:
    before, message = len(task_worker.output), sound(kinds.add.name)
    message["body"][0] = [1]
    with valkey.client() as client:
        client.lpush("celery", written(message))
    wait_until(lambda: "is not to be run now" in task_worker.output[before:])
    assert not Job.objects.exists()


@pytest.mark.usefixtures("running")
def test_a_second_delivery_of_what_somebody_sent_runs_nothing(
    task_worker: TaskWorker, valkey: Valkey
) -> None:
    message = sound(kinds.add.name)
    message["body"][0] = [1]
    del message["headers"]["headway"]
    with valkey.client() as client:
        client.lpush("celery", written(message))
        done, before = ended_soon(message["headers"]["id"]), len(task_worker.output)
        client.lpush("celery", written(message))
    wait_until(lambda: "is not to be run now" in task_worker.output[before:])
    assert reload(done).attempt == 1


@pytest.mark.usefixtures("running")
def test_a_result_is_answered_from_the_row(alice: User) -> None:
    result = kinds.add.delay(1, owner=alice)
    assert result.get(timeout=60) == 2
    assert (result.state, result.ready(), result.result) == ("SUCCESS", True, 2)
    assert kinds.add.AsyncResult(result.id).get() == 2
    refused = failing_kinds.refuses.delay()
    with pytest.raises(JobError, match="The file is empty"):
        refused.get(60)
    assert isinstance(refused.get(propagate=False), JobError)
    assert (refused.failed(), refused.successful()) == (True, False)
    many = group(kinds.add.s(number) for number in range(3)).apply_async()
    assert many.get(timeout=60) == [1, 2, 3]
    chained = (kinds.add.s(1) | kinds.add.s(5)).apply_async()
    assert chained.get(timeout=60) == 7
    broken = (failing_kinds.refuses.si() | kinds.add.si(5)).apply_async()
    with pytest.raises(JobError, match="The file is empty"):
        broken.get(timeout=60)


@pytest.mark.usefixtures("running")
def test_a_result_is_not_waited_for_without_an_end() -> None:
    result = kinds.steps.delay(999)
    with pytest.raises(ActionError, match=r"use get\(timeout="):
        result.get()
    with pytest.raises(CeleryTimeoutError, match="has not ended within"):
        result.get(timeout=0.2)
    job = until_status(str(result.id), Status.RUNNING)
    assert (result.state, result.ready()) == ("STARTED", False)
    headway.cancel(job)
    with pytest.raises(TaskRevokedError, match="Cancelled"):
        result.get(timeout=60)


def test_a_result_of_no_job_is_refused(db: None) -> None:
    result = kinds.add.AsyncResult(str(uuid.uuid4()))
    assert (result.state, result.result) == ("PENDING", None)
    with pytest.raises(ActionError, match="does not exist"):
        result.get(timeout=60)
    queued = kinds.add.AsyncResult(str(rows.queued().pk))
    queued.forget()
    assert queued.state == "PENDING"


def test_a_task_that_starts_a_job_may_have_any_id(db: None) -> None:
    started = kinds.add.apply_async((1,), parent_id="nightly-2026-01-01")
    assert Job.objects.get(pk=started.id).owner is None


def ended_soon(job_id: Any) -> Job:
    """The end of a job that the worker makes a row for."""
    wait_until(Job.objects.filter(pk=job_id).exists)
    return ended(str(job_id))

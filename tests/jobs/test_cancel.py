"""Cancelling: at once when queued, politely when running, and never against an end."""

import pytest
from django.contrib.auth.models import User

from headway.lifecycle import actions
from headway.lifecycle.actions import ActionError
from tests.jobs.waiting import ended, reload, states, until_status
from tests.support.processes import wait_until
from tests.support.stack import Valkey


def test_a_queued_job_is_cancelled_at_once(db: None, alice: User) -> None:
    job = actions.cancel(actions.start("add", {"a": 1}, owner=alice), by=alice)
    assert (job.status, job.reason) == ("cancelled", "Cancelled by alice")
    assert job.finished_at is not None
    assert job.started_at is None


@pytest.mark.usefixtures("running")
def test_a_job_cancelled_while_queued_is_not_run_when_its_message_arrives() -> None:
    job = actions.start("add", {"a": 1}, options={"countdown": 1})
    actions.cancel(job)
    after = actions.start("add", {"a": 1}, options={"countdown": 1.5})
    ended(after)
    assert (reload(job).status, reload(job).attempt) == ("cancelled", 0)


@pytest.mark.usefixtures("running")
def test_a_running_job_stops_at_its_next_progress() -> None:
    job = actions.start("steps", {"count": 400})
    wait_until(lambda: "running" in states(job))  # the row says it earlier
    assert actions.cancel(job).status in ("cancelling", "cancelled")
    done = ended(job)
    assert done.status == "cancelled"
    assert done.percent is None or done.percent < 100
    wait_until(lambda: states(job)[-1] == "cancelled")
    assert states(job)[:2] == ["queued", "running"]


@pytest.mark.usefixtures("running")
def test_a_task_that_sees_the_request_keeps_what_it_has() -> None:
    job = actions.start("polite", {})
    until_status(job, "running")
    actions.cancel(job)
    done = ended(job)
    assert (done.status, done.result) == ("cancelled", "half of it")


@pytest.mark.usefixtures("running")
def test_a_task_that_finishes_all_the_same_has_succeeded() -> None:
    job = actions.start("deaf", {"seconds": 2})
    until_status(job, "running")
    assert actions.cancel(job).status == "cancelling"
    assert ended(job).status == "succeeded"


@pytest.mark.usefixtures("running")
def test_a_cancel_reaches_the_task_while_redis_is_away(valkey: Valkey) -> None:
    job = actions.start("steps", {"count": 400})
    until_status(job, "running")
    valkey.pause()
    try:
        actions.cancel(job)
        done = ended(job)
    finally:
        valkey.resume()
    assert done.status == "cancelled"


def test_a_second_cancel_changes_nothing(db: None) -> None:
    job = actions.start("add", {"a": 1})
    actions.cancel(job)
    with pytest.raises(ActionError, match="A job that is cancelled cannot be cancelled"):
        actions.cancel(job)


def test_a_job_that_is_gone_cannot_be_cancelled(db: None) -> None:
    job = actions.start("add", {"a": 1})
    actions.start("add", {"a": 1})
    key = job.pk
    job.delete()
    job.pk = key
    with pytest.raises(ActionError, match="no longer exists"):
        actions.cancel(job)

"""Retrying a job: another attempt of the same job, with the first one kept."""

from itertools import groupby

import pytest
from django.contrib.auth.models import User

from headway.lifecycle import actions
from headway.lifecycle.actions import ActionError
from tests.jobs.waiting import ended, states
from tests.support.processes import wait_until


@pytest.mark.usefixtures("running")
def test_a_failed_job_is_tried_again_as_attempt_two(alice: User) -> None:
    job = ended(actions.start("broken", {}, owner=alice))
    again = actions.retry(job, by=alice)
    assert (again.status, again.reason, again.percent) == ("queued", "Retried by alice", None)
    done = ended(job)
    assert (done.status, done.attempt) == ("failed", 2)
    assert [(one.number, one.status) for one in done.attempts.all()] == [
        (1, "failed"),
        (2, "failed"),
    ]
    wait_until(lambda: states(job).count("failed") == 2)
    # Who was overtaken says once more what is true: the first attempt's end, by the retry
    said = [status for status, _ in groupby(states(job))]
    assert said == ["queued", "running", "failed", "queued", "running", "failed"]


@pytest.mark.usefixtures("running")
def test_the_next_attempt_is_given_the_last_checkpoint() -> None:
    job = ended(actions.start("resumes", {}))
    assert job.reason == "Interrupted."
    actions.retry(job)
    assert ended(job).result == {"row": 7}


def test_a_cancelled_job_may_be_retried(db: None) -> None:
    job = actions.cancel(actions.start("add", {"a": 1}))
    again = actions.retry(job)
    assert (again.status, again.finished_at, again.cancel_requested_at) == ("queued", None, None)


def test_a_double_click_on_retry_queues_once(db: None) -> None:
    job = actions.cancel(actions.start("add", {"a": 1}))
    assert actions.retry(job).status == "queued"
    assert actions.retry(job).status == "queued"


@pytest.mark.usefixtures("running")
def test_a_job_that_succeeded_cannot_be_retried() -> None:
    job = ended(actions.start("add", {"a": 1}))
    with pytest.raises(ActionError, match="succeeded cannot be retried"):
        actions.retry(job)


def test_a_job_whose_kind_is_gone_cannot_be_retried(db: None) -> None:
    job = actions.cancel(actions.start("add", {"a": 1}))
    job.kind = "removed"
    job.save()
    with pytest.raises(ActionError, match="no kind of job called 'removed'"):
        actions.retry(job)

"""`task_always_eager`: a start runs the job in its own thread, also where nothing is committed."""

import threading
from collections.abc import Iterator
from typing import Any

import pytest
from celery import current_app
from django.contrib.auth.models import User
from django.db import transaction
from django.test import TestCase, TransactionTestCase

from headway.lifecycle import actions
from headway.models import Attempt, Job
from tests.helpers import kinds


@pytest.fixture(autouse=True)
def eager() -> Iterator[None]:
    """Celery as many projects' tests have it."""
    current_app.conf.task_always_eager = True
    yield
    current_app.conf.task_always_eager = False


@pytest.fixture(autouse=True)
def no_second_thread(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    """Fails a test of a TestCase that starts a thread."""

    def start(thread: threading.Thread) -> None:
        raise AssertionError(f"{thread} was started")

    if request.cls is not Committing:
        monkeypatch.setattr(threading.Thread, "start", start)


class InATestCase(TestCase):
    def test_a_delay_runs_it_and_its_row_ends_as_the_task_did(self) -> None:
        asked = kinds.invoices_to_send.delay(count=2)
        job = Job.objects.get(pk=asked.id)
        assert (job.status, job.result, job.percent) == ("succeeded", {"sent": 2}, 100)
        assert Attempt.objects.get(job=job).warnings == [{"item": "7", "reason": "no e-mail"}]

    def test_a_start_returns_the_row_as_it_has_ended(self) -> None:
        owner = User.objects.create(username="carol")
        job = actions.start("invoices-to-send", {"count": 1}, owner=owner)
        assert (job.status, job.attempt, job.owner) == ("succeeded", 1, owner)

    def test_a_failure_is_the_rows(self) -> None:
        job = actions.start("invoices-to-send", {"count": 3, "refuse": 1})
        assert (job.status, job.reason) == ("failed", "Invoice 1 has no address.")

    def test_a_failure_may_come_out_of_the_call_as_celery_has_it(self) -> None:
        current_app.conf.task_eager_propagates = True
        try:
            with pytest.raises(Exception, match="has no address"):
                kinds.invoices_to_send.delay(count=3, refuse=1)
        finally:
            current_app.conf.task_eager_propagates = False
        assert Job.objects.get().status == "failed"

    def test_retries_are_attempts_of_one_job(self) -> None:
        job = actions.start("flaky-fetch", {"failures": 2})
        assert (job.status, job.result, job.attempt) == ("succeeded", 2, 3)

    def test_a_job_that_was_to_wait_runs_now_as_all_eager_ones(self) -> None:
        asked = kinds.stops_by_itself.apply_async(kwargs={"count": 2}, countdown=60)
        assert Job.objects.get(pk=asked.id).status == "succeeded"

    def test_with_the_callbacks_of_the_commit_captured_it_has_run_as_well(self) -> None:
        with self.captureOnCommitCallbacks(execute=True):
            asked = kinds.invoices_to_send.delay(count=2)
        assert Job.objects.get(pk=asked.id).status == "succeeded"

    def test_within_a_transaction_it_waits_for_the_commit(self) -> None:
        with self.captureOnCommitCallbacks(execute=True):
            with transaction.atomic():
                job = actions.start("invoices-to-send", {"count": 2})
                assert job.status == "queued"
            assert Job.objects.get().status == "queued"
        assert Job.objects.get().status == "succeeded"

    def test_a_retry_by_a_user_runs_it_again(self) -> None:
        job = actions.start("invoices-to-send", {"count": 3, "refuse": 1})
        again = actions.retry(job)
        assert (again.status, again.attempt) == ("failed", 2)

    def test_apply_and_calls_make_no_row(self) -> None:
        assert kinds.stops_by_itself.apply(kwargs={"count": 1}).get() == {"done": 1}
        assert kinds.stops_by_itself(count=1) == {"done": 1}
        assert not Job.objects.exists()


class Committing(TransactionTestCase):
    def test_a_delay_runs_it(self) -> None:
        asked: Any = kinds.invoices_to_send.delay(count=2)
        assert Job.objects.get(pk=asked.id).status == "succeeded"

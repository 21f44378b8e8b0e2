"""Why a queued job has not begun."""

import pytest
from django.db.models.functions import Now
from pytest_django import DjangoAssertNumQueries

from headway.lifecycle import lease, queue
from headway.lifecycle.log import log
from headway.lifecycle.queue import why_queued
from headway.lifecycle.remembered import Remembered
from headway.models import Job
from tests.jobs import rows
from tests.support.patience import PATIENCE
from tests.support.stack import Valkey


@pytest.fixture
def worker_of(empty: Valkey) -> None:
    """Presence of a worker that takes jobs from the usual queue."""
    del empty
    log().alive("worker", "worker@test", {"queues": ["celery"]})


@pytest.mark.usefixtures("empty")
def test_no_worker_is_running() -> None:
    assert why_queued(rows.queued()) == "No worker is running"


@pytest.mark.usefixtures("worker_of")
def test_a_queue_that_no_worker_serves_is_named() -> None:
    assert why_queued(rows.queued(queue="slow")) == "No worker takes jobs from the queue “slow”"


@pytest.mark.usefixtures("worker_of")
def test_jobs_ahead_are_counted() -> None:
    jobs = [rows.queued(published_at=rows.ago(30 - number)) for number in range(3)]
    said = [why_queued(job) for job in jobs]
    assert said == ["Next in line", "1 job ahead", "2 jobs ahead"]


@pytest.mark.usefixtures("worker_of")
def test_the_line_is_looked_at_once_for_all_who_look_within_a_second(
    django_assert_num_queries: DjangoAssertNumQueries, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue, "_line", Remembered(PATIENCE))  # on a slow machine as well
    jobs = [rows.queued(published_at=rows.ago(30 - number)) for number in range(2)]
    with django_assert_num_queries(1):
        assert [why_queued(job) for job in jobs] == ["Next in line", "1 job ahead"]
    late = rows.queued(published_at=rows.ago(1))
    with django_assert_num_queries(0):
        assert why_queued(late) == "2 jobs ahead"


@pytest.mark.usefixtures("worker_of")
def test_a_job_is_not_ahead_of_itself() -> None:
    """By the database's clock, as messages are noted to have been sent."""
    job = rows.queued()
    Job.objects.filter(pk=job.pk).update(published_at=Now())
    job.refresh_from_db()
    assert why_queued(job) == "Next in line"


@pytest.mark.usefixtures("worker_of")
def test_jobs_of_other_queues_are_not_ahead() -> None:
    rows.queued(published_at=rows.ago(30), queue="slow")
    assert why_queued(rows.queued()) == "Next in line"


def test_a_job_that_is_not_published_waits_for_the_queue(db: None) -> None:
    assert why_queued(rows.queued(published_at=None)) == "Waiting for the queue"


def test_a_retry_says_when(db: None) -> None:
    job = rows.queued(attempt=1, not_before=rows.ago(-29.5))
    assert why_queued(job) == "Retry in 30 s"
    assert why_queued(rows.changed(job, not_before=rows.ago(-600))) == "Retry in 10 min"
    assert why_queued(rows.changed(job, attempt=0)) == "Starts in 10 min"
    assert why_queued(rows.changed(job, not_before=rows.ago(-14 * 3600))) == "Starts in 14 h"


def test_only_queued_jobs_wait(db: None) -> None:
    job = rows.queued()
    lease.claim(job.pk, "w")
    assert why_queued(rows.changed(job)) == ""


def test_without_redis_a_job_waits_for_the_queue(empty: Valkey) -> None:
    job = rows.queued()
    empty.pause()
    try:
        assert why_queued(job) == "Waiting for the queue"
    finally:
        empty.resume()


@pytest.mark.usefixtures("running")
def test_a_worker_says_which_queues_it_serves() -> None:
    (info,) = log().who_is_alive("worker").values()
    assert info["queues"] == ["celery"]
    assert info["processes"] == 2

"""The list of my jobs."""

from datetime import timedelta
from http import HTTPStatus

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from headway.lifecycle.log import log
from headway.models import Job, Status
from headway.web.views.pages import PER_PAGE
from tests.pages.conftest import MakeJob
from tests.support.stack import Valkey


def shown(client: Client, query: str = "") -> list[str]:
    return [str(item.job.pk) for item in client.get(f"/{query}").context["items"]]


def test_the_newest_job_comes_first(alices: Client, make_job: MakeJob) -> None:
    older, newer = make_job(), make_job()
    assert shown(alices) == [str(newer.pk), str(older.pk)]


def test_a_new_user_is_told_what_to_do(alices: Client) -> None:
    page = alices.get("/").content.decode()
    assert "No jobs yet" in page
    assert "Choose a job above" in page


def test_there_are_pages(alices: Client, make_job: MakeJob) -> None:
    made = [str(make_job().pk) for _ in range(PER_PAGE + 1)]
    assert shown(alices, "?page=2") == made[:1]
    assert 'href="?page=2"' in alices.get("/").content.decode()


@pytest.mark.parametrize("page", ["0", "-1", "99", "x", ""])
def test_a_page_that_is_none_shows_a_page(alices: Client, make_job: MakeJob, page: str) -> None:
    job = make_job()
    assert shown(alices, f"?page={page}") == [str(job.pk)]


@pytest.mark.parametrize(
    ("chosen", "statuses"),
    [
        ("active", {Status.QUEUED, Status.RUNNING, Status.CANCELLING}),
        ("succeeded", {Status.SUCCEEDED}),
        ("failed", {Status.FAILED, Status.LOST}),
        ("cancelled", {Status.CANCELLED}),
        ("nonsense", set(Status)),
    ],
)
def test_a_filter_shows_its_statuses(
    alices: Client, make_job: MakeJob, chosen: str, statuses: set[Status]
) -> None:
    for status in Status:
        make_job(status)
    items = alices.get(f"/?status={chosen}").context["items"]
    assert {item.job.status for item in items} == statuses


def test_a_filter_with_nothing_says_so(alices: Client) -> None:
    assert "None of your jobs is in this state" in alices.get("/?status=lost").content.decode() or (
        "None of your jobs is in this state" in alices.get("/?status=failed").content.decode()
    )


def test_one_stream_carries_the_whole_page(alices: Client, make_job: MakeJob) -> None:
    for _ in range(3):
        make_job()
    page = alices.get("/").content.decode()
    assert page.count("data-mine") == 1
    assert page.count('data-events="/jobs/events/"') == 1
    assert page.count("data-job=") == 3


def test_the_page_says_from_where_the_stream_continues(alices: Client, make_job: MakeJob) -> None:
    make_job()
    cursor = alices.get("/").context["cursor"]
    assert isinstance(cursor, int)
    assert f'data-cursor="{cursor}"' in alices.get("/").content.decode()


@pytest.mark.parametrize(
    ("query", "takes"), [("", True), ("?status=failed", True), ("?page=2", False)]
)
def test_only_a_list_where_new_jobs_belong_takes_them(
    alices: Client, make_job: MakeJob, query: str, takes: bool
) -> None:
    for _ in range(PER_PAGE + 1):
        make_job()
    assert ("data-grows" in alices.get(f"/{query}").content.decode()) is takes


def test_queued_jobs_without_a_worker_are_explained(alices: Client, make_job: MakeJob) -> None:
    make_job(Status.QUEUED)
    assert "No worker is running" in alices.get("/").content.decode()
    log().alive("worker", "w1", {"queues": ["celery"]})
    assert "No worker is running" not in alices.get("/").content.decode()


def test_the_number_of_queries_does_not_grow_with_the_jobs(
    alices: Client, make_job: MakeJob, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for status in Status:
        make_job(status)
    with django_assert_num_queries(6):  # session, user, count, ids, rows, whether any waits
        alices.get("/")
    for status in Status:
        make_job(status)
    with django_assert_num_queries(6):
        alices.get("/")


def test_the_page_works_without_redis(alices: Client, make_job: MakeJob, valkey: Valkey) -> None:
    job = make_job()
    valkey.pause()
    try:
        response = alices.get("/")
    finally:
        valkey.resume()
    assert response.status_code == HTTPStatus.OK
    assert str(job.pk) in response.content.decode()
    assert 'data-cursor=""' in response.content.decode()


def test_times_are_told_relative_then_as_dates(alices: Client, make_job: MakeJob) -> None:
    job = make_job(Status.SUCCEEDED)
    for age, text in [(10, "just now"), (400, "6 min ago"), (8000, "2 h ago")]:
        Job.objects.filter(pk=job.pk).update(created_at=timezone.now() - timedelta(seconds=age))
        assert text in alices.get("/").content.decode()


def test_all_of_a_success_is_done(alices: Client, make_job: MakeJob) -> None:
    """Whatever its task reported last."""
    done = {"kind": "import-csv", "current": 24010.2, "total": 24024.1}
    job = make_job(Status.SUCCEEDED, **done, percent=100)
    assert "24,024 of 24,024 kB" in alices.get(job.get_absolute_url()).content.decode()
    stopped = make_job(Status.FAILED, **done)
    assert "24,010 of 24,024 kB" in alices.get(stopped.get_absolute_url()).content.decode()

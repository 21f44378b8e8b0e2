"""The list of my jobs."""

from datetime import timedelta
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from headway.lifecycle.log import log
from headway.models import Job, Status
from headway.web.history import MAX_ACTIVE, PER_PAGE
from headway.web.listing import RECENT
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
    made = [str(make_job(Status.FAILED).pk) for _ in range(PER_PAGE + 1)]
    after = alices.get("/").context["answer"].after
    assert shown(alices) == made[:0:-1]
    assert f'href="?after={after}"' in alices.get("/").content.decode()
    assert shown(alices, f"?after={after}") == made[:1]


@pytest.mark.parametrize("after", ["0", "-1", "x", "", "9" * 17 + "." + "a" * 32, "\0"])
def test_a_page_that_is_none_shows_a_page(alices: Client, make_job: MakeJob, after: str) -> None:
    job = make_job(Status.FAILED)
    assert shown(alices, f"?{urlencode({'after': after})}") == [str(job.pk)]


def test_who_is_at_work_is_shown_before_who_waits(alices: Client, make_job: MakeJob) -> None:
    running = make_job()
    waiting = [make_job(Status.QUEUED) for _ in range(MAX_ACTIVE + 1)]
    expected = [str(job.pk) for job in (*waiting[:1:-1], running)]
    assert shown(alices) == expected
    assert "Show all active jobs" in alices.get("/").content.decode()
    assert len(shown(alices, "?status=active")) == MAX_ACTIVE + 2


def test_what_is_at_it_stands_above_the_days_of_the_others(
    alices: Client, make_job: MakeJob
) -> None:
    old, running, new = make_job(Status.LOST), make_job(), make_job(Status.SUCCEEDED)
    yesterday = timezone.now() - timedelta(days=1)
    Job.objects.filter(pk=old.pk).update(created_at=yesterday)
    groups = alices.get("/").context["groups"]
    assert [group.heading for group in groups] == ["", "Today", "Yesterday"]
    assert [[item.job.pk for item in group.items] for group in groups] == [
        [running.pk],
        [new.pk],
        [old.pk],
    ]


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"result": {"rows": 49877, "rejected": 123, "types": {}}}, "49,877 rows, 123 rejected"),
        ({"result": {"files": 3, "left_out": 0, "ok": True}}, "3 files"),
        ({"result": {"found": 0}}, "0 found"),
        ({"result": {"model": "small", "text": "x" * 500}}, "model small"),
        ({"result": "Done."}, "Done."),
        ({"result": [1, 2]}, "2 entries"),
        ({"message": "line 50,001"}, "line 50,001"),
        ({"result": {"rows": 1}, "reason": "Cancelled by alice"}, "Cancelled by alice"),
        ({}, ""),
    ],
)
def test_a_line_says_what_came_of_it(
    alices: Client, make_job: MakeJob, fields: dict[str, Any], words: str
) -> None:
    make_job(Status.CANCELLED, **fields)
    assert alices.get("/").context["items"][0].outcome == words


def test_somebody_without_jobs_tries_one_by_one_click(alices: Client) -> None:
    page = alices.get("/")
    trial = page.context["trial"]
    assert "Try it" in page.content.decode()
    known = {field.name: field.value() for field in trial["fields"]}
    sent = {name: value for name, value in known.items() if value is not None}
    alices.post("/jobs/start/simulate/", {"start-token": str(trial["token"]), **sent})
    assert Job.objects.get().kind == "simulate"
    assert "Try it" not in alices.get("/").content.decode()


def test_kinds_that_cannot_run_come_last_with_their_reason(
    alices: Client, make_job: MakeJob
) -> None:
    make_job(Status.SUCCEEDED, kind="import-csv")
    log().alive("worker", "one", {"queues": ["celery"]}, 60)
    choices = alices.get("/").context["choices"]
    assert choices[0].kind.name == "import-csv"
    hindered = [bool(choice.hindrance) for choice in choices]
    assert hindered == sorted(hindered)
    log().alive("worker", "one", {"queues": ["other"]}, 60)
    assert "No worker takes jobs from the queue “celery”" in alices.get("/").content.decode()


def test_the_quick_ones_are_ones_own_on_every_page(
    alices: Client, staffs: Client, make_job: MakeJob
) -> None:
    make_job(Status.SUCCEEDED, kind="import-csv")
    make_job(Status.FAILED)
    for page in ("/", "/?status=bad", "/?status=stalled", "/?text=nothing", "/?kind=simulate"):
        quick = [choice.kind.name for choice in alices.get(page).context["quick"]]
        assert quick == ["simulate", "import-csv"], page
    assert staffs.get("/?person=*").context["quick"] == []


@pytest.mark.parametrize("status", [Status.QUEUED, Status.FAILED])
def test_they_are_of_the_newest_jobs_whatever_a_page_shows(
    alices: Client, make_job: MakeJob, status: Status
) -> None:
    """Where more wait than stand on the first page, and where more have ended."""
    make_job(Status.FAILED, kind="checksum-archive")
    make_job(Status.FAILED, kind="import-csv")
    for _ in range(RECENT - 1):
        make_job(status)
    for page in ("/", "/?status=bad", f"/?after=1.{'0' * 32}"):
        choices = alices.get(page).context["choices"]
        recent = [choice.kind.name for choice in choices if choice.recent]
        assert recent == ["simulate", "import-csv"], page


def test_only_staff_read_how_a_kind_is_written(alices: Client, staffs: Client) -> None:
    assert "Add your own" not in alices.get("/").content.decode()
    assert "@job_task" in staffs.get("/").content.decode()


@pytest.mark.parametrize(
    ("chosen", "statuses"),
    [
        ("active", {Status.QUEUED, Status.RUNNING, Status.CANCELLING}),
        ("succeeded", {Status.SUCCEEDED}),
        ("failed", {Status.FAILED}),
        ("bad", {Status.FAILED, Status.LOST}),
        ("lost", {Status.LOST}),
        ("timed-out", set()),
        ("stalled", set()),
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
    assert "None of your jobs is in this state" in alices.get("/?status=lost").content.decode()


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
    ("query", "takes"), [("", True), ("?status=failed", True), ("?after=1." + "0" * 32, False)]
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
    alices.get("/")  # earlier days and what is usual are remembered for a while
    # session, user, ids, counts, rows, saved
    with django_assert_num_queries(6):
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


def test_times_are_told_by_the_viewers_clock(alices: Client, make_job: MakeJob) -> None:
    job = make_job(Status.SUCCEEDED)
    late = timezone.now().replace(hour=23, minute=30) - timedelta(days=3)
    Job.objects.filter(pk=job.pk).update(created_at=late)
    assert ", </span>23:30</span>" in alices.get("/").content.decode()
    alices.cookies["time_zone"] = "Asia/Tokyo"
    page = alices.get("/")
    assert ", </span>08:30</span>" in page.content.decode()
    next_day = (late + timedelta(days=1)).date().isoformat()
    assert [group.key for group in page.context["groups"]] == [next_day]


def test_all_of_a_success_is_done(alices: Client, make_job: MakeJob) -> None:
    """Whatever its task reported last."""
    done = {"kind": "import-csv", "current": 240.2, "total": 242.1}
    job = make_job(Status.SUCCEEDED, **done, percent=100)
    assert "242 of 242 kB" in alices.get(job.get_absolute_url()).content.decode()
    stopped = make_job(Status.FAILED, **done)
    assert "240 of 242 kB" in alices.get(stopped.get_absolute_url()).content.decode()

"""Failures grouped by cause, and retried together."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from headway.models import Attempt, Job, Status
from headway.web import causes
from headway.web.questions import Question
from tests.pages.conftest import MakeJob

DISK, ROW = "d" * 16, "a" * 16


@pytest.fixture
def failures(make_job: MakeJob, bob: User) -> list[Job]:
    """Three of Alice's by one cause, one by another; one of Bob's."""
    made = [
        make_job(Status.FAILED, cause=DISK, reason=f"The disk is full {number}")
        for number in range(3)
    ]
    made.append(make_job(Status.LOST, cause=ROW, reason="<b>Row</b> 7"))
    make_job(Status.FAILED, cause=DISK, reason="of Bob", owner=bob)
    make_job(Status.SUCCEEDED)
    old = timezone.now() - timedelta(days=9)
    Job.objects.filter(pk=made[0].pk).update(created_at=old)
    made[0].refresh_from_db()
    return made


def found(question: Question, user: User) -> dict[str, int]:
    return {each.cause: each.number for each in causes.causes(question, user).found}


def test_they_are_counted_and_dated(failures: list[Job], alice: User, boss: User) -> None:
    first, second = causes.causes(Question(), alice).found
    assert (first.number, first.since, first.newest) == (3, failures[0].created_at, failures[2].pk)
    assert (second.cause, second.told) == (ROW, "1")
    assert found(Question(person="*"), boss) == {DISK: 4, ROW: 1}
    assert found(Question(person="*"), alice) == {DISK: 3, ROW: 1}
    today = timezone.localdate().isoformat()
    assert found(Question(since=today), alice) == {DISK: 2, ROW: 1}
    assert found(Question(kind="other"), alice) == {}


def test_of_more_than_are_looked_at_all_are_counted(
    failures: list[Job], alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(causes, "LOOKED_AT", 2)
    monkeypatch.setattr(causes, "SHOWN", 1)
    told = causes.causes(Question(), alice)
    assert told.back_to is not None
    assert told.more == 1
    (known,) = told.found
    assert known.number == (3 if known.cause == DISK else 1)
    assert known.since == (failures[0] if known.cause == DISK else failures[3]).created_at


def test_the_oldest_of_a_cause_is_found_along_the_index_of_causes(
    failures: list[Job], alice: User
) -> None:
    """With two conditions on the status, SQLite walks through all failures by other causes."""
    with CaptureQueriesContext(connection) as asked:
        causes.causes(Question(), alice)
    [oldest] = [each["sql"] for each in asked if " UNION ALL " in each["sql"]]
    assert oldest.count('"status" = ') == 4
    assert '"status" IN' not in oldest


def test_the_page_shows_them_and_retries_all_of_one(alices: Client, failures: list[Job]) -> None:
    page = alices.get("/jobs/causes/").content.decode()
    assert "&lt;b&gt;Row&lt;/b&gt; 7" in page
    query = f"status=bad&cause={DISK}"
    assert query.replace("&", "&amp;") in page
    asked = alices.post("/jobs/many/", {"verb": "retry", "all": "1", "q": query})
    assert "Retry 3 jobs?" in asked.content.decode()
    listed = alices.get(f"/?{query}")
    assert {item.job.pk for item in listed.context["items"]} == {job.pk for job in failures[:3]}
    assert "Failures of one cause" in listed.content.decode()
    part = alices.get("/jobs/causes/", headers={"HX-Request": "true"}).content.decode()
    assert part.startswith('<section class="all-causes"')
    assert "There is no such cause" in alices.get("/jobs/causes/?cause=x").content.decode()


def test_retry_is_offered_where_it_can_help(
    alices: Client, make_job: MakeJob, failures: list[Job]
) -> None:
    make_job(Status.FAILED, cause="e" * 16, reason="This is no CSV file.", refused=True)
    page = alices.get("/jobs/causes/").content.decode()
    assert "This is no CSV file." in page
    assert page.count('name="verb" value="retry"') == 2
    assert page.count(">Retry all<") == 1, "the other has one job"
    assert page.count("· first ") == 1


def test_the_exception_is_for_those_who_may_see_tracebacks(
    alices: Client, staffs: Client, failures: list[Job]
) -> None:
    error = 'Traceback (most recent call last):\n  File "a.py", line 1, in b\nKeyError: "inside"'
    Attempt.objects.filter(job=failures[2]).update(error=error)
    assert "KeyError" not in alices.get("/jobs/causes/").content.decode()
    answer: Any = staffs.get("/jobs/causes/?person=alice")
    assert "KeyError: &quot;inside&quot;" in answer.content.decode()


def test_nothing_has_failed(alices: Client) -> None:
    assert "None of these jobs has failed" in alices.get("/jobs/causes/").content.decode()

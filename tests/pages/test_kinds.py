"""A kind's page, and what is usual for a kind beside its jobs in the list."""

import re
from datetime import timedelta
from http import HTTPStatus
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from headway.models import Job, Status
from headway.policy import Policy
from headway.web import runs
from headway.web.runs import Run, Usual, percentile, success_rate, usual
from tests.jobs import kinds as tasks_of_the_tests
from tests.pages.conftest import MakeJob

PARTIAL = {"HX-Request": "true"}


class MayNotStart(Policy):
    """Lets nobody start anything."""

    def may_start(self, user: Any, kind: str) -> bool:
        del user, kind
        return False


def ran(make_job: MakeJob, seconds: float, status: Status = Status.SUCCEEDED, **more: Any) -> Job:
    """A job that waited for two seconds and took so many."""
    begun = timezone.now() - timedelta(hours=1)
    due = begun - timedelta(seconds=2)
    ended = begun + timedelta(seconds=seconds)
    return make_job(status, not_before=due, started_at=begun, finished_at=ended, **more)


def test_percentiles_and_what_is_usual() -> None:
    assert percentile([], 50) is None
    assert [percentile([3, 1, 2], each) for each in (0, 50, 75, 100)] == [1, 2, 2.5, 3]
    assert usual([1.0] * 4) is None
    assert usual([float(n) for n in range(11)]) == Usual(1, 5, 9)
    band = Usual(30, 40, 60)
    told = [
        (band.differs(s, Status.SUCCEEDED), band.differs(s, Status.FAILED)) for s in (5, 40, 91)
    ]
    assert told == [(True, False), (False, False), (True, True)]
    assert not Usual(0.1, 0.2, 0.4).differs(3, Status.SUCCEEDED), "seconds are not worth a word"


def test_the_page_of_a_kind_says_how_its_runs_went(
    alices: Client, staffs: Client, make_job: MakeJob, bob: User
) -> None:
    for seconds in range(10, 20):
        ran(make_job, seconds)
    bad = ran(make_job, 1, Status.FAILED, reason="Row 7 is bad", cause="0" * 16)
    ran(make_job, 600, owner=bob, reason="theirs")
    make_job(Status.CANCELLED, started_at=None)
    page = alices.get("/jobs/kinds/simulate/").content.decode()
    assert "91% <span" in page.replace("90.9%", "91%")
    assert "10 of 11 runs" in page
    assert "2.0 s" in page
    assert "Usually 10 s to 18 s, half of them within 14 s" in page
    assert f'href="/jobs/{bad.pk}/" aria-label=' in page
    assert "Last 12 runs, the longest 19 s" in page
    assert "?status=bad&amp;cause=0000000000000000" in page
    assert 'name="start-token"' in page
    assert (
        "Last 13 runs, the longest 10 min 00 s"
        in staffs.get("/jobs/kinds/simulate/").content.decode()
    )
    again = alices.get("/jobs/kinds/simulate/", headers=PARTIAL).content.decode()
    assert again.startswith('<section class="runs"')
    assert "start-token" not in again


def test_a_kind_that_nobody_has_run_or_may_start(alices: Client, settings: Any) -> None:
    assert "None yet" in alices.get("/jobs/kinds/simulate/").content.decode()
    settings.HEADWAY = {**settings.HEADWAY, "POLICY": f"{__name__}.MayNotStart"}
    page = alices.get("/jobs/kinds/simulate/")
    assert page.status_code == HTTPStatus.OK
    assert 'name="start-token"' not in page.content.decode()


def test_an_unknown_kind_is_told_in_words(alices: Client, client: Client) -> None:
    page = alices.get("/jobs/kinds/nothing-here/")
    assert page.status_code == HTTPStatus.NOT_FOUND
    assert "No kind of job is called “nothing-here” here" in page.content.decode()
    assert client.get("/jobs/kinds/simulate/").status_code == HTTPStatus.FOUND


def test_it_reads_as_much_for_many_runs_as_for_few(
    alice: User, alices: Client, make_job: MakeJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    def asked() -> list[str]:
        with CaptureQueriesContext(connection) as queries:
            alices.get("/jobs/kinds/simulate/", headers=PARTIAL)
        return [each["sql"] for each in queries]

    ran(make_job, 5)
    few = asked()
    for seconds in range(30):
        ran(make_job, seconds)
    monkeypatch.setattr(runs.newest, "__defaults__", (20,))
    many = asked()
    assert len(many) == len(few)
    assert len(runs.newest("simulate", alice)) == 20
    for sql in many:
        if connection.vendor == "sqlite" and "headway_job" in sql:
            with connection.cursor() as cursor:
                cursor.execute("EXPLAIN QUERY PLAN " + sql)
                plan = " ".join(str(row[-1]) for row in cursor.fetchall())
            assert not re.search(r"SCAN \"?headway_job\"?(?! USING)", plan), plan


def test_lists_and_the_page_of_a_kind_call_the_same_usual(
    alice: User, alices: Client, make_job: MakeJob
) -> None:
    for seconds in [300] * 30 + [10] * 20 + [20] * runs.SAMPLE:
        ran(make_job, seconds)
    make_job(Status.CANCELLED)
    page = alices.get("/jobs/kinds/simulate/").text
    assert runs.usuals({"simulate"}, alice)["simulate"].mid == 20
    assert "half of them within 20 s" in page
    assert "90 of 90 runs, 1 more cancelled" in page
    assert f"The time they ran is of the newest {runs.SAMPLE} that succeeded." in page


def test_what_is_usual_is_remembered_as_of_those_jobs_that_one_may_see(
    alice: User, bob: User, make_job: MakeJob
) -> None:
    """For each kind, whichever others are asked for with it."""
    for _ in range(runs.FEWEST):
        ran(make_job, 20)
    with CaptureQueriesContext(connection) as queries:
        for kinds in ({"simulate", "other"}, {"simulate"}, {"other"}):
            assert {*runs.usuals(kinds, alice)} == kinds & {"simulate"}
    assert len(queries) == 1
    Job.objects.all().delete()
    assert runs.usuals({"simulate"}, alice)
    assert not runs.usuals({"simulate"}, bob)


def test_of_whose_rights_change_it_is_not_remembered(boss: User, make_job: MakeJob) -> None:
    for _ in range(runs.FEWEST):
        ran(make_job, 20)
    assert runs.usuals({"simulate"}, boss)
    User.objects.filter(pk=boss.pk).update(is_superuser=False)
    assert not runs.usuals({"simulate"}, User.objects.get(pk=boss.pk))


def test_cancelled_runs_say_nothing_of_success() -> None:
    now = timezone.now()
    made = [
        Run(Job().pk, status, now, None, None, "", None)
        for status in (Status.SUCCEEDED, Status.CANCELLED, Status.LOST, Status.FAILED)
    ]
    assert success_rate(made) == (1, 3)


def test_a_line_says_where_its_job_took_notably_longer(
    alices: Client, make_job: MakeJob, bob: User
) -> None:
    for seconds in (38, 39, 40, 41, 42):
        ran(make_job, seconds)
    slow = ran(make_job, 130)
    quick = ran(make_job, 2, Status.FAILED)
    for _ in range(9):
        ran(make_job, 3, owner=bob)
    page = alices.get("/").content.decode()
    assert page.count("usually 40 s") == 1
    assert "2 min 10 s<span" in page
    row = alices.get(f"/jobs/{slow.pk}/row/", headers=PARTIAL).content.decode()
    assert "usually 40 s" in row
    assert "usually" not in alices.get(f"/jobs/{quick.pk}/row/", headers=PARTIAL).content.decode()


def test_a_thousand_kinds_are_one_menu(
    alices: Client, make_job: MakeJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And a job of each on the page asks the database as often as one."""
    assert tasks_of_the_tests
    for number in range(20):
        ran(make_job, 5, kind=f"kind-{number}")
    alices.get("/")
    with CaptureQueriesContext(connection) as queries:
        alices.get("/")
    assert len(queries) <= 6

"""The chart of days above the list."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from headway.models import Job, Status
from headway.web import days, time_limit
from headway.web.counting import counts
from headway.web.days import ORDER, Days
from headway.web.questions import Question
from tests.pages.conftest import MakeJob


def on(job: Job, ago: int) -> Job:
    moment = timezone.localtime().replace(hour=12) - timedelta(days=ago)
    Job.objects.filter(pk=job.pk).update(created_at=moment)
    return job


def chart_of(question: Question, user: Any) -> Days | None:
    return days.days(question, user, counts(days.today(question, user)))


def numbers(question: Question, user: Any) -> dict[str, dict[str, int]]:
    """Of each day that has any, the counts that are not 0."""
    found = chart_of(question, user)
    told: dict[str, dict[str, int]] = {}
    for label, *cells in found.chart.rows if found else []:
        counts = {str(s): int(n) for s, n in zip(ORDER, cells, strict=True) if n != "0"}
        told |= {label: counts} if counts else {}
    return told


def label(ago: int) -> str:
    moment = timezone.localtime() - timedelta(days=ago)
    return f"{moment:%A} {moment.day} {moment:%B}"


def test_each_day_has_its_jobs_by_how_they_ended(
    alice: User, bob: User, boss: User, make_job: MakeJob
) -> None:
    for status in (Status.SUCCEEDED, Status.SUCCEEDED, Status.FAILED, Status.QUEUED):
        on(make_job(status), 0)
    on(make_job(Status.LOST), 3)
    on(make_job(Status.CANCELLED, kind="other"), 3)
    on(make_job(Status.FAILED), 30)
    on(make_job(Status.FAILED, owner=bob), 3)
    today = {"succeeded": 2, "failed": 1, "running": 1}
    earlier = {"lost": 1, "cancelled": 1}
    assert numbers(Question(), alice) == {label(3): earlier, label(0): today}
    assert numbers(Question(status="lost", sort="longest"), alice) == numbers(Question(), alice)
    assert numbers(Question(kind="other"), alice) == {label(3): {"cancelled": 1}}
    assert numbers(Question(person="*"), boss)[label(3)] == {**earlier, "failed": 1}
    assert numbers(Question(person="*"), bob) == {label(3): {"failed": 1}}
    chart = chart_of(Question(), alice)
    assert chart
    assert chart.chart.head == ("", "Succeeded", "Cancelled", "Active", "Failed", "Lost")
    assert "1 active" in chart.chart.svg
    assert chart_of(Question(text="x"), alice) is None


def test_it_is_true_again_after_a_deletion(alice: User, make_job: MakeJob) -> None:
    """Today at once, earlier days once what is remembered is too old."""
    gone = [on(make_job(Status.FAILED), ago) for ago in (0, 2)]
    on(make_job(Status.SUCCEEDED), 2)
    assert numbers(Question(), alice)[label(2)] == {"succeeded": 1, "failed": 1}
    for job in gone:
        job.delete()
    assert label(0) not in numbers(Question(), alice)
    days._before.forget()
    assert numbers(Question(), alice) == {label(2): {"succeeded": 1}}


def test_who_may_not_look_any_more_sees_nothing_that_is_remembered(
    boss: User, make_job: MakeJob
) -> None:
    on(make_job(Status.FAILED), 2)
    assert numbers(Question(person="*"), boss)
    User.objects.filter(pk=boss.pk).update(is_superuser=False)
    assert not numbers(Question(person="*"), User.objects.get(pk=boss.pk))


def test_a_day_is_a_link_that_keeps_the_question(alices: Client, make_job: MakeJob) -> None:
    job = on(make_job(Status.FAILED), 2)
    day = timezone.localdate() - timedelta(days=2)
    page = alices.get("/?kind=simulate").content.decode()
    query = f"kind=simulate&amp;since={day}&amp;until={day}"
    assert f'<a href="?{query}"' in page
    assert f'id="day-{day}-chart"' in page
    answer = alices.get("/?" + query.replace("&amp;", "&"))
    assert [item.job.pk for item in answer.context["items"]] == [job.pk]
    assert 'aria-current="true"' in answer.content.decode()
    assert "chart-bars" not in alices.get("/?text=x").content.decode()


def test_where_counting_takes_too_long_there_is_no_chart(
    alices: Client, make_job: MakeJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_job(Status.FAILED)

    def slow(*_: Any) -> Any:
        raise time_limit.TooSlowError

    with monkeypatch.context() as patched:
        patched.setattr(days, "_counted", slow)
        page = alices.get("/")
        assert page.status_code == 200
        assert "chart-bars" not in page.content.decode()
    assert "chart-bars" not in alices.get("/").content.decode(), "it is asked again too soon"

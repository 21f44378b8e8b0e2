"""What the page of a job tells of it: whose it is, what goes on, what can help."""

import re
from datetime import timedelta

from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from headway.lifecycle.log import log
from headway.lifecycle.snapshots import state
from headway.models import Job, Status
from headway.stream import Event
from headway.web.readable import table
from tests.pages.conftest import MakeJob

MOTION = {"percent": 18.0, "current": 36, "total": 200, "rate": 2.5, "eta": 2700.0}


def page_of(client: Client, job: Job) -> str:
    return client.get(job.get_absolute_url()).content.decode()


def field(page: str, name: str) -> str:
    found = re.search(rf'data-field="{name}"[^>]*>([^<]*)<', page)
    assert found
    return found[1]


def in_motion(job: Job) -> Job:
    """With what its worker said of it a minute ago."""
    log().append(str(job.pk), Event("state", state(job)), attempt=1, created=True)
    motion = MOTION | {"job": str(job.pk), "attempt": 1, "status": str(job.status)}
    log().append(str(job.pk), Event("progress", motion), attempt=1)
    return job


def test_what_is_cancelled_has_no_time_left(alices: Client, make_job: MakeJob) -> None:
    page = page_of(alices, in_motion(make_job()))
    assert (field(page, "left"), field(page, "rate")) == ("26 min to 1 h 04 min", "2.5/s")
    assert "about 45 min" in alices.get("/").content.decode()
    Job.objects.update(status=Status.CANCELLING)
    page = page_of(alices, in_motion(Job.objects.get()))
    assert field(page, "left") == field(page, "rate") == ""
    assert "data-eta" not in page
    assert "about 45 min" not in alices.get("/").content.decode()


def test_somebody_elses_job_says_whose_it_is(
    alices: Client, staffs: Client, make_job: MakeJob, alice: User
) -> None:
    job = make_job()
    theirs, own = page_of(staffs, job), page_of(alices, job)
    assert f'<p class="owner-of">of <bdi>{alice}</bdi></p>' in theirs
    assert "Everybody's jobs</a>" in theirs
    assert "owner-of" not in own
    assert '<p class="crumb"><a href="/">My jobs</a>' in own


def test_retry_comes_first_where_it_is_offered(alices: Client, make_job: MakeJob) -> None:
    page = page_of(alices, make_job(Status.LOST, reason="The worker disappeared"))
    assert page.index("/retry/") < page.index("Fix and start again")
    assert "Retry it as it is, or change its input first." in page
    bare = page_of(alices, make_job(Status.LOST, params={}))
    assert "Retry it as it is." in bare
    assert "Fix and start again" not in bare


def test_what_never_began_has_no_attempt_without_lines(alices: Client, make_job: MakeJob) -> None:
    never = page_of(alices, make_job(Status.CANCELLED, attempt=0, started_at=None))
    assert "It never began, so there is no log." in never
    assert "This attempt has no log lines." in page_of(alices, make_job(Status.CANCELLED))


def test_an_attempt_promises_another_only_until_that_is_there(
    alices: Client, make_job: MakeJob
) -> None:
    job = make_job(Status.QUEUED, attempt=1)
    job.attempts.update(reason="The disk was full. Another attempt follows")
    assert "<td>The disk was full. Another attempt follows</td>" in page_of(alices, job)
    Job.objects.update(status=Status.CANCELLED)
    assert "<td>The disk was full</td>" in page_of(alices, job)


def test_what_took_less_than_a_second_took_some_time(alices: Client, make_job: MakeJob) -> None:
    now = timezone.now()
    job = make_job(
        Status.FAILED, started_at=now - timedelta(seconds=0.4), finished_at=now, attempt=2
    )
    page = page_of(alices, job)
    assert '<dt>This attempt</dt><dd data-field="elapsed">0.4 s</dd>' in page


def test_columns_of_numbers_are_aligned_as_numbers() -> None:
    rows = [{"sku": "A-1", "count": 5, "price": 1.5}, {"sku": "7", "count": 40_117, "price": None}]
    assert table("Rows", rows).numbers == {1, 2}
    assert table("Rows", [{"a": "", "b": "2026-11-30"}]).numbers == frozenset()

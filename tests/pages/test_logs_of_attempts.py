"""What each attempt of a job said stands under that attempt, and its owner can read all of it."""

import re
from http import HTTPStatus

import pytest
from django.test import Client
from django.utils import timezone

from headway.lifecycle.log import log
from headway.lifecycle.snapshots import state
from headway.models import Job, Status
from headway.stream import Event
from tests.pages.conftest import MakeJob


@pytest.fixture
def job(make_job: MakeJob) -> Job:
    """A job in its third attempt, each of which has said one thing."""
    job = make_job(attempt=3)
    for number in (1, 2):
        lines = [{"level": "info", "text": f"said by {number}"}]
        job.attempts.filter(number=number).update(lines=lines, finished_at=timezone.now())
    _say(job, 3, "said by 3")
    return job


def _say(job: Job, attempt: int, text: str) -> None:
    about = {"job": str(job.pk), "attempt": attempt}
    log().append(str(job.pk), Event("state", state(job)), attempt=attempt, created=True)
    event = Event("log", {**about, "level": "info", "text": text})
    log().append(str(job.pk), event, attempt=attempt)


def said(client: Client, job: Job, query: str = "") -> list[str]:
    page = client.get(f"{job.get_absolute_url()}{query}").content.decode()
    [record] = re.findall(r"<ol data-lines.*?</ol>", page, re.DOTALL)
    return re.findall(r"<span>(.*?)</span></li>", record)


def test_each_attempts_log_is_read_on_the_jobs_page(alices: Client, job: Job) -> None:
    assert said(alices, job) == ["said by 3"]
    for number in (1, 2, 3):
        assert said(alices, job, f"?attempt={number}") == [f"said by {number}"]


def test_the_page_leads_to_each_of_them_and_back(alices: Client, job: Job) -> None:
    page = alices.get(job.get_absolute_url()).content.decode()
    for number in (1, 2):
        assert f'href="{job.get_absolute_url()}?attempt={number}#log"' in page
    earlier = alices.get(f"{job.get_absolute_url()}?attempt=1").content.decode()
    assert f'href="{job.get_absolute_url()}#log">Show the newest attempt<' in earlier


def test_nobody_else_reads_any(bobs: Client, job: Job) -> None:
    for number in (1, 2, 3):
        answer = bobs.get(f"{job.get_absolute_url()}?attempt={number}")
        assert answer.status_code == HTTPStatus.NOT_FOUND


@pytest.mark.parametrize("number", ["0", "4", "-1", "x", "", "1e1", "٣", "9" * 30])
def test_an_attempt_that_never_was_is_not_found(alices: Client, job: Job, number: str) -> None:
    answer = alices.get(job.get_absolute_url(), {"attempt": number})
    assert answer.status_code == HTTPStatus.NOT_FOUND


def test_what_a_failed_attempt_said_does_not_stand_under_the_next(
    alices: Client, make_job: MakeJob
) -> None:
    """Queued again, the job is in its second attempt, which has said nothing; the first one is
    listed with its end."""
    job = make_job(Status.FAILED, reason="The disk is full.")
    job.attempts.update(reason="The disk is full.", finished_at=timezone.now())
    _say(job, 1, "said by 1")
    Job.objects.filter(pk=job.pk).update(status=Status.QUEUED, reason="Retried by alice")
    assert said(alices, job) == []
    assert said(alices, job, "?attempt=1") == ["said by 1"]
    page = alices.get(job.get_absolute_url()).content.decode()
    assert "<td>The disk is full.</td>" in page
    assert ">Attempt 2<" in page


def test_how_many_attempts_there_were_is_told_and_not_of_how_many(
    alices: Client, make_job: MakeJob
) -> None:
    """A retry, a deploy and Celery's own retry give a job more attempts than its kind says."""
    page = alices.get(make_job(attempt=2, max_attempts=4).get_absolute_url()).content.decode()
    assert ">Attempt 2<" in page
    assert "of 4" not in page

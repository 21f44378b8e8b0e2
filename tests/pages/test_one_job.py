"""The page of one job, in each of its states."""

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.http import Http404
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from headway.lifecycle.log import log
from headway.lifecycle.snapshots import state
from headway.models import Job, Status
from headway.stream import Event
from headway.web.presenters import accepted, show_one
from tests.pages.conftest import MakeJob
from tests.support.stack import Valkey


def page_of(client: Client, job: object) -> str:
    return client.get(f"/jobs/{getattr(job, 'pk')}/").content.decode()  # noqa: B009 - any job


@pytest.mark.parametrize("status", Status)
def test_every_state_has_a_page_with_its_name(
    alices: Client, make_job: MakeJob, status: Status
) -> None:
    page = page_of(alices, make_job(status))
    assert f'<span class="badge">{status.label}</span>' in page


def test_only_success_is_a_full_bar(alices: Client, make_job: MakeJob) -> None:
    assert 'aria-valuenow="100"' in page_of(alices, make_job(Status.SUCCEEDED))
    for status in (Status.FAILED, Status.CANCELLED, Status.LOST):
        page = page_of(alices, make_job(status, percent=99.9))
        assert 'aria-valuenow="99.9"' in page
        assert ">99%<" in page


def test_an_unknown_total_is_an_indeterminate_bar(alices: Client, make_job: MakeJob) -> None:
    page = page_of(alices, make_job(percent=None, current=1234, total=None))
    assert "aria-valuenow" not in page
    assert 'aria-valuetext="Running, 1,234"' in page


def test_redis_knows_better_than_the_row_while_the_job_runs(
    alices: Client, make_job: MakeJob
) -> None:
    job = make_job()
    log().append(str(job.pk), Event("state", state(job)), attempt=1, created=True)
    motion = {
        "job": str(job.pk),
        "attempt": 1,
        "status": "running",
        "percent": 61.8,
        "current": 1236,
        "total": 2000,
        "message": "half and more",
        "phase": "Reading",
        "rate": 0.5,
        "eta": 3700,
        "elapsed": 70,
        "warnings": 3,
    }
    log().append(str(job.pk), Event("progress", motion), attempt=1)
    page = page_of(alices, job)
    for text in ("61%", "half and more", "Reading", "1,236 of 2,000", "30/min", "46 min to 1 h 17"):
        assert text in page


def test_lines_and_output_so_far_are_on_the_page(alices: Client, make_job: MakeJob) -> None:
    job = make_job()
    key = str(job.pk)
    log().append(key, Event("state", state(job)), attempt=1, created=True)
    for kind, data in [
        ("log", {"level": "info", "text": "line one"}),
        ("warning", {"level": "warning", "text": "row 7: no name"}),
        ("output", {"text": "Once upon "}),
        ("output", {"text": "a time"}),
    ]:
        log().append(key, Event(kind, {"job": key, "attempt": 1, **data}), attempt=1)
    page = page_of(alices, job)
    lines = '<li class="info"><span>line one</span></li><li class="warning"><span>row 7: no name'
    assert lines in page
    assert "Once upon a time" in page


def test_lines_survive_the_loss_of_redis(alices: Client, make_job: MakeJob, valkey: Valkey) -> None:
    job = make_job(Status.SUCCEEDED)
    job.attempts.update(lines=[{"level": "info", "text": "kept in the row"}])
    valkey.flush()
    assert "kept in the row" in page_of(alices, job)


def test_warnings_are_counted_and_listed(alices: Client, make_job: MakeJob) -> None:
    job = make_job(Status.SUCCEEDED, warning_count=250)
    job.attempts.update(warnings=[{"item": "row 7", "reason": "has no name"}] * 100)
    page = page_of(alices, job)
    assert "has no name" in page
    assert "The first 100 of 250." in page


def test_the_reason_of_a_failure_is_shown_and_the_traceback_is_not(
    alices: Client, make_job: MakeJob
) -> None:
    job = make_job(Status.FAILED, reason="The file is empty.")
    job.attempts.update(error="Traceback: secret/path.py")
    page = page_of(alices, job)
    assert "The file is empty." in page
    assert "secret/path.py" not in page


def test_a_flat_result_is_a_list_and_a_deep_one_is_json(alices: Client, make_job: MakeJob) -> None:
    flat = page_of(alices, make_job(Status.SUCCEEDED, result={"rows_stored": 12345, "ok": True}))
    assert "<dt>Rows stored</dt><dd>12,345</dd>" in flat
    assert "<dt>Ok</dt><dd>yes</dd>" in flat
    lists = page_of(alices, make_job(Status.SUCCEEDED, result={"columns": ["a", 2], "left": []}))
    assert "<dt>Columns</dt><dd>a, 2</dd>" in lists
    assert "<dt>Left</dt><dd>—</dd>" in lists
    deep = page_of(alices, make_job(Status.SUCCEEDED, result={"a": [1, {"b": "ä"}]}))
    assert '<pre class="json"' in deep
    assert "ä" in deep


def test_what_a_cancelled_job_left_is_called_partial(alices: Client, make_job: MakeJob) -> None:
    assert "Partial result" in page_of(alices, make_job(Status.CANCELLED, result={"rows": 5}))


def test_a_file_that_is_gone_is_not_a_link(alices: Client, make_job: MakeJob) -> None:
    page = page_of(alices, make_job(Status.SUCCEEDED, files=["gone.csv"]))
    assert "no longer stored" in page
    assert "/files/gone.csv/" not in page


def test_earlier_attempts_are_kept(alices: Client, make_job: MakeJob) -> None:
    job = make_job(attempt=3)
    job.attempts.filter(number=1).update(reason="The disk was full.", progress={"percent": 71.3})
    page = page_of(alices, job)
    assert "<td>The disk was full.</td>" in page
    assert "<td>71%</td>" in page
    heads = re.findall(r'<th scope="col">(Attempt .)</th>', page)
    assert heads == ["Attempt 3", "Attempt 2", "Attempt 1"]


def test_a_queued_job_says_why_it_waits(alices: Client, make_job: MakeJob) -> None:
    job = make_job(Status.QUEUED)
    assert "No worker is running" in page_of(alices, job)
    log().alive("worker", "w1", {"queues": ["celery"]})
    job.not_before = timezone.now() + timedelta(seconds=90)
    job.save()
    assert "Starts in 90 s" in page_of(alices, job)


def test_a_panel_brings_the_lines_along_only_when_the_job_has_ended(
    alices: Client, make_job: MakeJob
) -> None:
    """Those of a running job come by its stream. What depends on its state comes always, but with
    no answer to why it is queued."""
    for status, others in [
        (Status.RUNNING, ["warnings", "input", "result", "attempts"]),
        (Status.SUCCEEDED, ["warnings", "input", "result", "attempts", "output", "lines"]),
    ]:
        panel = alices.get(f"/jobs/{make_job(status).pk}/panel/").content.decode()
        assert re.findall(r' id="(\w+)"[^>]*hx-swap-oob="true"', panel) == others
    asked = f"/jobs/{make_job(Status.QUEUED).pk}/panel/?view=why"
    assert "hx-swap-oob" not in alices.get(asked).content.decode()


def test_the_number_of_queries_does_not_grow_with_the_attempts(
    alices: Client, make_job: MakeJob, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for attempts in (1, 9):
        job = make_job(attempt=attempts)
        page_of(alices, job)  # how long such jobs take is remembered for a while
        # session, user, job, attempts, whether any waits
        with django_assert_num_queries(5):
            page_of(alices, job)


@pytest.mark.parametrize("answer", [accepted, lambda job: show_one(job, job.owner)])
def test_a_job_that_is_deleted_while_it_is_asked_about_is_not_found(
    make_job: MakeJob, answer: Callable[[Job], object]
) -> None:
    job = make_job()
    Job.objects.all().delete()
    with pytest.raises(Http404):
        answer(job)

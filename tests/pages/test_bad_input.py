"""Pages of an installation with 1,000 kinds, and of jobs that say next to nothing."""

from http import HTTPStatus

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from headway.models import SavedQuestion, Status
from tests.pages.conftest import MakeJob

MOST = 30
"""Queries of a page, whatever there is."""


@pytest.mark.parametrize(
    "path",
    [
        *("/", "/?kind=work-7", "/?status=bad&sort=longest", "/jobs/kinds/work-500/"),
        *("/jobs/start/work-999/", "/jobs/system/", "/jobs/causes/", "/admin/headway/job/"),
    ],
)
def test_a_thousand_kinds_cost_no_more_queries(
    staffs: Client, make_job: MakeJob, thousand_kinds: list[str], path: str
) -> None:
    for name in thousand_kinds[:20]:
        make_job(Status.FAILED, kind=name, reason="No.", cause="0" * 16)
    staffs.get(path)
    with CaptureQueriesContext(connection) as queries:
        page = staffs.get(path)
    assert page.status_code == HTTPStatus.OK
    assert len(queries) <= MOST


@pytest.mark.usefixtures("thousand_kinds")
def test_a_thousand_kinds_can_be_found_without_a_script(alices: Client) -> None:
    page = alices.get("/").content.decode()
    assert page.count('<li><a href="/jobs/start/work-') == 1000
    assert page.count('<option value="work-') == 1000
    assert 'data-finds="kinds"' in page
    assert "Work 999" in alices.get("/?kind=work-999").content.decode()


def test_a_saved_question_outlives_its_kind(alices: Client, make_job: MakeJob) -> None:
    make_job(Status.FAILED, kind="work-1000")  # was never installed
    alices.post("/jobs/questions/", {"name": "Old ones", "query": "kind=work-1000"})
    page = alices.get(f"/?{SavedQuestion.objects.get().query}").content.decode()
    assert "work-1000 (no longer installed)" in page
    assert alices.get("/jobs/kinds/work-1000/").status_code == HTTPStatus.NOT_FOUND


@pytest.mark.parametrize("status", list(Status))
def test_a_job_that_says_nothing_has_a_page(
    alices: Client, make_job: MakeJob, status: Status
) -> None:
    nothing = dict.fromkeys(("percent", "current", "total"))
    job = make_job(status, params={}, title="x" * 200, **nothing)
    for path in ("/", job.get_absolute_url(), f"/jobs/{job.pk}/status/"):
        assert alices.get(path).status_code == HTTPStatus.OK


def test_a_job_without_a_total_counts(alices: Client, make_job: MakeJob) -> None:
    job = make_job(percent=None, current=1234, total=None)
    page = alices.get(job.get_absolute_url()).content.decode()
    assert '<dd data-field="count">1,234</dd>' in page
    assert "aria-valuenow" not in page

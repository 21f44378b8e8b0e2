"""Markup in anything that people or files can name stays text, on every page."""

import pytest
from django.contrib.auth.models import User
from django.test import Client

from headway.lifecycle.log import log
from headway.lifecycle.snapshots import state
from headway.models import Job, Status
from headway.stream import Event
from tests.pages.conftest import MakeJob

PAYLOADS = [
    "<img src=x onerror=alert(1)>",
    "</title><script>alert(1)</script>",
    '" onmouseover="alert(1)',
    "<div hx-post=/x hx-trigger=load>",
    "{{ 7|add:7 }}",
]


@pytest.fixture(params=PAYLOADS)
def payload(request: pytest.FixtureRequest) -> str:
    """Text that would like to be markup."""
    return str(request.param)


@pytest.fixture
def job(make_job: MakeJob, payload: str) -> Job:
    """A job made of it."""
    job = make_job(
        Status.FAILED,
        attempt=2,
        title=payload,
        kind="gone",
        reason=payload,
        message=payload,
        phase=payload,
        params={payload: payload, "file": payload},
        result={payload: payload},
        files=[payload],
        warning_count=1,
    )
    job.attempts.update(
        reason=payload,
        error=payload,
        worker=payload,
        warnings=[{"item": payload, "reason": payload}],
        lines=[{"level": "info", "text": payload}],
    )
    key = str(job.pk)
    log().append(key, Event("state", state(job)), attempt=2, created=True)
    for kind in ("log", "output"):
        data = {"job": key, "attempt": 2, "text": payload}
        level = {"level": payload} if kind == "log" else {}
        log().append(key, Event(kind, data | level), attempt=2)
    return job


def test_the_pages_of_a_job_escape_it(alices: Client, job: Job, payload: str) -> None:
    for url in ("/", *(f"/jobs/{job.pk}/{part}" for part in ("", "row/", "panel/"))):
        assert payload not in alices.get(url).content.decode().replace("{{ 7", "{ 7")


def test_the_admin_escapes_it(staffs: Client, job: Job, payload: str) -> None:
    for url in ("/admin/headway/job/", f"/admin/headway/job/{job.pk}/change/"):
        page = staffs.get(url).content.decode()
        assert payload not in page.replace("{{ 7", "{ 7")


@pytest.mark.django_db
def test_a_user_name_is_escaped(client: Client, payload: str) -> None:
    user = User.objects.create(username=payload)
    client.force_login(user)
    assert payload not in client.get("/").content.decode().replace("{{ 7", "{ 7")


def test_a_start_form_escapes_what_it_gives_back(alices: Client, payload: str) -> None:
    page = alices.post("/jobs/start/simulate/", {"steps": payload}).content.decode()
    assert payload not in page.replace("{{ 7", "{ 7")
    page = alices.get("/jobs/start/simulate/", {"steps": payload}).content.decode()
    assert payload not in page.replace("{{ 7", "{ 7")

"""Everything can be read and done without JavaScript."""

import re
from pathlib import Path

import pytest
from django.conf import settings
from django.test import Client

from headway.models import ACTIVE, TERMINAL, Status
from tests.pages.conftest import MakeJob

REFRESH = '<noscript><meta http-equiv="refresh"'
TEMPLATES = sorted((Path(settings.BASE_DIR) / "templates").rglob("*.html"))


@pytest.mark.parametrize("status", sorted(ACTIVE))
def test_the_page_of_an_active_job_reloads_itself(
    alices: Client, make_job: MakeJob, status: Status
) -> None:
    job = make_job(status)
    assert REFRESH in alices.get(f"/jobs/{job.pk}/").content.decode()
    assert REFRESH in alices.get("/").content.decode()


@pytest.mark.parametrize("status", sorted(TERMINAL))
def test_the_page_of_a_finished_job_does_not(
    alices: Client, make_job: MakeJob, status: Status
) -> None:
    job = make_job(status)
    assert REFRESH not in alices.get(f"/jobs/{job.pk}/").content.decode()
    assert REFRESH not in alices.get("/").content.decode()


def test_the_bar_is_a_progressbar_with_a_name_and_values(alices: Client, make_job: MakeJob) -> None:
    job = make_job()
    page = alices.get(f"/jobs/{job.pk}/").content.decode()
    [bar] = re.findall(r"<span class=\"bar\"[^>]*>", page)
    for attribute in (
        'role="progressbar"',
        'aria-label="Simulate"',
        'aria-valuemin="0"',
        'aria-valuemax="100"',
        'aria-valuenow="42.5"',
        'aria-valuetext="Running, 42%"',
    ):
        assert attribute in bar
    assert 'width="42.5%"' in page


def test_cancel_retry_and_start_are_plain_forms(alices: Client, make_job: MakeJob) -> None:
    for status, verb in ((Status.RUNNING, "cancel"), (Status.FAILED, "retry")):
        job = make_job(status)
        page = alices.get(f"/jobs/{job.pk}/").content.decode()
        assert f'<form method="post" action="/jobs/{job.pk}/{verb}/"' in page
    form = alices.get("/jobs/start/import-csv/").content.decode()
    assert 'method="post" action="/jobs/start/import-csv/" enctype="multipart/form-data"' in form
    assert 'name="csrfmiddlewaretoken"' in form


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.name)
def test_no_template_has_a_script_of_its_own(template: Path) -> None:
    text = template.read_text()
    assert not re.search(r"<script(?![^>]*\bsrc=)", text)
    assert not re.search(r"\son[a-z]+=|javascript:|hx-on|hx-vals=.js", text)
    assert "|safe" not in text
    assert "autoescape" not in text


def test_the_policy_of_every_page_allows_only_our_own_scripts(alices: Client) -> None:
    policy = alices.get("/")["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    assert "unsafe-eval" not in policy


def test_htmx_may_not_evaluate_run_or_reach_elsewhere(alices: Client) -> None:
    page = alices.get("/").content.decode()
    for setting in (
        '"allowEval": false',
        '"allowScriptTags": false',
        '"selfRequestsOnly": true',
        '"includeIndicatorStyles": false',
    ):
        assert setting in page

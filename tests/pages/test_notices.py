"""How one chooses to be told, and pages that lead on to a result."""

import pytest
from django.contrib.auth.models import User
from django.test import Client
from pytest_django import Settings

from headway.lifecycle import outbox
from headway.models import Job, Notice, NoticeChoice, Status
from headway.web.job_page import panel_context
from headway.web.presenters import show_one
from tests.pages.conftest import MakeJob
from tests.support.pages import blocks


def test_a_choice_is_made_on_ones_own_page(alices: Client, alice: User) -> None:
    page = alices.get("/me/").content.decode()
    assert 'name="webhook_url"' in page
    assert "whsec_" not in page
    sent = {"every": "on", "webhook_url": "https://example.com/hook", "next": "/me/"}
    answer = alices.post("/jobs/notices/", sent)
    assert (answer.status_code, answer["Location"]) == (303, "/me/")
    choice = outbox.chosen(alice.pk)
    assert (choice.every, choice.webhook_url) == (True, "https://example.com/hook")
    assert choice.site == "http://testserver"
    page = alices.get("/me/").content.decode()
    assert "whsec_" in page
    alices.post("/jobs/notices/", sent | {"new_key": "on"})
    assert outbox.chosen(alice.pk).seed != choice.seed
    assert NoticeChoice.objects.count() == 1


@pytest.mark.parametrize("back", ["https://elsewhere.example/", "//elsewhere.example/", ""])
def test_it_leads_back_within_the_site_alone(back: str, alices: Client) -> None:
    assert alices.post("/jobs/notices/", {"next": back})["Location"] == "/jobs/notices/"


@pytest.mark.parametrize("url", ["http://example.com", "https://10.0.0.1/", "x"])
def test_an_address_that_cannot_be_is_refused(url: str, alices: Client) -> None:
    answer = alices.post("/jobs/notices/", {"webhook_url": url})
    assert (answer.status_code, "Please correct" in answer.content.decode()) == (400, True)
    assert not NoticeChoice.objects.exists()


def test_email_is_offered_where_the_site_sends_it_and_there_is_an_address(
    alices: Client, alice: User, settings: Settings
) -> None:
    assert 'name="email"' not in alices.get("/jobs/notices/").content.decode()
    settings.HEADWAY = settings.HEADWAY | {"NOTICES": ["email"]}
    page = alices.get("/jobs/notices/").content.decode()
    assert "Your account has no e-mail address." in page
    assert 'name="webhook_url"' not in page
    alices.post("/jobs/notices/", {"email": "on"})
    assert not outbox.chosen(alice.pk).email
    User.objects.update(email="alice@example.com")
    assert "To alice@example.com." in alices.get("/jobs/notices/").content.decode()
    alices.post("/jobs/notices/", {"email": "on"})
    assert outbox.chosen(alice.pk).email


def test_a_start_form_is_ticked_where_one_wants_all(alices: Client, alice: User) -> None:
    form = "/jobs/start/simulate/"
    assert "checked" not in tick(alices.get(form).content.decode())
    alices.post(form, {"seconds": "1", "steps": "1", "phases": "1", "start-notify": "1"})
    assert Job.objects.get().notify
    outbox.choose(alice.pk, {"every": True})
    assert "checked" in tick(alices.get(form).content.decode())
    alices.post(form, {"seconds": "2", "steps": "1", "phases": "1"})
    assert Job.objects.filter(notify=True).count() == 1
    wrong = alices.post(form, {"seconds": "x"}).content.decode()
    assert "checked" not in tick(wrong)
    program = {"content_type": "application/json"}
    alices.post(form, {"seconds": 3, "start-notify": True}, **program)  # type: ignore[arg-type]
    assert Job.objects.filter(notify=True).count() == 2


def tick(page: str) -> str:
    """The tick of a start form."""
    return page.partition('name="start-notify"')[2].partition(">")[0]


def test_one_job_is_asked_about_on_its_page(
    alices: Client, bobs: Client, staffs: Client, make_job: MakeJob
) -> None:
    job = make_job()
    path = f"/jobs/{job.pk}/notify/"
    assert path in alices.get(f"/jobs/{job.pk}/").content.decode()
    assert path not in staffs.get(f"/jobs/{job.pk}/").content.decode()
    assert (bobs.post(path).status_code, staffs.post(path).status_code) == (404, 404)
    assert alices.post(path, {"wanted": "1"}).status_code == 303
    page = alices.get(f"/jobs/{job.pk}/").content.decode()
    assert "data-notify" in page
    assert "You will be told" in page
    partial = alices.post(path, {"wanted": "0"}, headers={"HX-Request": "true"})
    assert "Tell me when done" in partial.content.decode()
    job.refresh_from_db()
    assert not job.notify
    Job.objects.update(status=Status.SUCCEEDED)
    assert alices.post(path, {"wanted": "1"}).status_code == 409
    assert not Notice.objects.exists()


def test_who_watches_a_job_succeed_is_led_on(alice: User, make_job: MakeJob) -> None:
    namespace: dict[str, object] = {"__name__": __name__}
    [code] = [b.code for b in blocks("docs/notices.md", "python") if "leads_to" in b.code]
    exec(code, namespace)  # noqa: S102 - our own page
    led = {
        status: panel_context(show_one(make_job(status, kind="make-report", result=r), alice))
        for status, r in [
            (Status.SUCCEEDED, {"report": 202611}),
            (Status.FAILED, {"report": 202611}),
            (Status.RUNNING, None),
        ]
    }
    assert {status: each["leads_to"] for status, each in led.items()} == {
        Status.SUCCEEDED: "/reports/202611/",
        Status.FAILED: "",
        Status.RUNNING: "",
    }
    for result in (None, {"report": "/../../"}, {"report": "x"}):
        job = make_job(Status.SUCCEEDED, kind="make-report", result=result)
        leads_to = panel_context(show_one(job, alice))["leads_to"]
        assert leads_to == "" or leads_to.startswith("/reports/")

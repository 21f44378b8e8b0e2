"""Acting on many jobs: asked once with the number, by forms that need no JavaScript."""

import re

import pytest
from django.test import Client

from headway.models import Job, Status
from tests.pages.conftest import MakeJob

MANY, LIST = "/jobs/many/", "/admin/headway/job/"


def hidden(page: str) -> dict[str, list[str]]:
    """What the form of a page would send."""
    found: dict[str, list[str]] = {}
    fields = r'<input type="hidden" name="([^"]+)" value="([^"]*)">'
    for name, value in re.findall(fields, page.partition("<h1")[2]):
        found.setdefault(name, []).append(value)
    return found


def test_ticked_ones_are_asked_about_and_then_done(alices: Client, make_job: MakeJob) -> None:
    jobs = [make_job(Status.QUEUED) for _ in range(2)]
    asked = alices.post(MANY, {"verb": "cancel", "job": [str(job.pk) for job in jobs]})
    page = asked.content.decode()
    assert "Cancel 2 jobs?" in page
    assert not Job.objects.filter(kind="headway-many").exists()
    sent = hidden(page)
    answer = alices.post(MANY, sent)
    started = Job.objects.get(kind="headway-many")
    assert (answer.status_code, answer["Location"]) == (303, started.get_absolute_url())
    alices.post(MANY, sent)
    assert Job.objects.filter(kind="headway-many").count() == 1


def test_it_promises_what_can_be_done(alices: Client, make_job: MakeJob) -> None:
    ended = make_job(Status.FAILED, params={"seconds": 7})
    jobs = [str(job.pk) for job in (ended, make_job(Status.RUNNING))]
    page = alices.post(MANY, {"verb": "delete", "job": jobs}).text
    assert "<h1>Delete 1 of 2 jobs?</h1>" in page
    assert '<button class="primary danger">Delete 1 of 2 jobs</button>' in page
    assert "Seconds 7" in page or "seconds 7" in page
    assert "running: stays as it is</li>" in page


@pytest.mark.parametrize(
    ("verb", "status"),
    [("delete", Status.CANCELLING), ("retry", Status.SUCCEEDED), ("cancel", Status.CANCELLING)],
)
def test_it_offers_nothing_where_nothing_can_be_done(
    alices: Client, make_job: MakeJob, verb: str, status: Status
) -> None:
    page = alices.post(MANY, {"verb": verb, "job": [str(make_job(status).pk)]}).text
    assert "<h1>Nothing to do</h1>" in page
    assert '<button class="primary' not in page
    assert "Back to the list" in page


def test_all_that_match_are_counted(alices: Client, make_job: MakeJob) -> None:
    for status in (Status.FAILED, Status.LOST, Status.SUCCEEDED):
        make_job(status)
    page = alices.post(MANY, {"verb": "retry", "all": "1", "q": "status=bad"}).content.decode()
    assert "Retry 2 jobs?" in page
    alices.post(MANY, hidden(page))
    assert Job.objects.get(kind="headway-many").title == "Retry 2 jobs"


def test_others_jobs_are_not_there(bobs: Client, make_job: MakeJob) -> None:
    answer = bobs.post(MANY, {"verb": "cancel", "job": str(make_job().pk)})
    assert answer.status_code == 400
    assert "none of your jobs was chosen" in answer.content.decode()


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"verb": "x"},
        {"verb": "cancel", "job": "x"},
        {"verb": "cancel", "all": "1", "q": "status=gone"},
        {"verb": "delete", "all": "1", "q": "colour=red"},  # or else it would be all
    ],
)
def test_what_makes_no_sense_is_said(
    alices: Client, make_job: MakeJob, values: dict[str, str]
) -> None:
    make_job()
    assert alices.post(MANY, values).status_code == 400
    assert alices.get(MANY).status_code == 303


def test_the_list_has_a_tick_for_each_row(alices: Client, make_job: MakeJob) -> None:
    job = make_job()
    page = alices.get("/").content.decode()
    assert f'name="job" value="{job.pk}" form="many"' in page
    assert f'action="{MANY}"' in page


def test_the_list_says_how_many_match(alices: Client, make_job: MakeJob) -> None:
    for status in (Status.FAILED, Status.LOST, Status.RUNNING):
        make_job(status)
    assert "All 3 that match" in alices.get("/").content.decode()
    assert "All 2 that match" in alices.get("/?status=bad").content.decode()
    assert "All that match" in alices.get("/?text=x").content.decode(), "nobody has counted these"


def test_a_job_on_many_has_no_parameters_beside_its_title_and_no_form(
    alices: Client, make_job: MakeJob
) -> None:
    job = make_job(kind="headway-many", title="Cancel 3 jobs", params={"selection": "ids"})
    page = alices.get("/").content.decode()
    assert "Cancel 3 jobs" in page
    assert "selection ids" not in page
    assert "Start another like this" not in alices.get(job.get_absolute_url()).content.decode()


def test_the_admin_asks_once_where_there_are_many(staffs: Client, make_job: MakeJob) -> None:
    jobs = [make_job(Status.QUEUED) for _ in range(101)]
    ticked = {"action": "cancel_jobs", "select_across": "1", "_selected_action": str(jobs[0].pk)}
    page = staffs.post(f"{LIST}?status=active", ticked).content.decode()
    assert "Cancel 101 jobs?" in page
    staffs.post(f"{LIST}?status=active", hidden(page))
    started = Job.objects.get(kind="headway-many")
    assert '"name": "admin", "text": "status=active"' in started.params["selection"]


def test_the_admin_asks_before_it_deletes_and_exports(staffs: Client, make_job: MakeJob) -> None:
    job = make_job(Status.FAILED)
    ticked = {"action": "delete_jobs", "_selected_action": str(job.pk)}
    page = staffs.post(LIST, ticked).content.decode()
    assert "Delete 1 job?" in page
    staffs.post(LIST, hidden(page))
    assert Job.objects.get(kind="headway-many").title == "Delete 1 job"
    said = staffs.post(LIST, {**ticked, "action": "export_csv"}, follow=True).content.decode()
    assert "Export 1 job</a> runs as a job of its own." in said

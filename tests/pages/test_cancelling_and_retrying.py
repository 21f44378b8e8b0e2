"""Cancel and retry: by form, by htmx and by JSON."""

from http import HTTPStatus

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client

from headway.models import Job, Status
from tests.pages.conftest import MakeJob, client_of

HTMX = {"HX-Request": "true"}
JSON = {"Accept": "application/json"}
CASES = [("cancel", Status.RUNNING, Status.CANCELLING), ("retry", Status.FAILED, Status.QUEUED)]


def now(job: Job) -> str:
    job.refresh_from_db()
    return job.status


@pytest.mark.parametrize(("verb", "before", "after"), CASES)
def test_the_form_leads_back_to_the_job(
    alices: Client, make_job: MakeJob, verb: str, before: Status, after: Status
) -> None:
    job = make_job(before)
    response = alices.post(f"/jobs/{job.pk}/{verb}/")
    assert response.status_code == HTTPStatus.SEE_OTHER
    assert response["Location"] == f"/jobs/{job.pk}/"
    assert now(job) == after


@pytest.mark.parametrize(("verb", "before", "after"), CASES)
@pytest.mark.parametrize("view", ["row", "panel"])
def test_htmx_gets_the_part_it_asked_from(
    alices: Client, make_job: MakeJob, verb: str, before: Status, after: Status, view: str
) -> None:
    job = make_job(before)
    response = alices.post(f"/jobs/{job.pk}/{verb}/", {"view": view}, headers=HTMX)
    page = response.content.decode()
    assert response.status_code == HTTPStatus.OK
    assert f'id="{view}-{job.pk}"' in page
    assert f'data-status="{after}"' in page
    assert response["Progress-Cursor"].isdigit()


@pytest.mark.parametrize(("verb", "before", "after"), CASES)
def test_a_program_gets_202_with_the_snapshot(
    alices: Client, make_job: MakeJob, verb: str, before: Status, after: Status
) -> None:
    job = make_job(before)
    response = alices.post(f"/jobs/{job.pk}/{verb}/", headers=JSON)
    assert response.status_code == HTTPStatus.ACCEPTED
    assert response.json()["status"] == after


@pytest.mark.parametrize(("verb", "status"), [("cancel", "succeeded"), ("retry", "running")])
def test_too_late_is_a_sentence_in_every_form(
    alices: Client, make_job: MakeJob, verb: str, status: Status
) -> None:
    job = make_job(status)
    url = f"/jobs/{job.pk}/{verb}/"
    answer = alices.post(url, headers=JSON)
    assert answer.status_code == HTTPStatus.CONFLICT
    sentence = answer.json()["detail"]
    assert status in sentence
    assert sentence in alices.post(url, headers=HTMX).content.decode()
    assert sentence in alices.post(url, follow=True).content.decode()


@pytest.mark.parametrize("verb", ["cancel", "retry"])
def test_a_link_cannot_do_it(alices: Client, make_job: MakeJob, verb: str) -> None:
    job = make_job(Status.RUNNING)
    response = alices.get(f"/jobs/{job.pk}/{verb}/")
    assert response.status_code == HTTPStatus.METHOD_NOT_ALLOWED
    assert now(job) == Status.RUNNING


@pytest.mark.parametrize("headers", [{}, HTMX, JSON])
def test_another_site_cannot_do_it(
    alices: Client, make_job: MakeJob, headers: dict[str, str]
) -> None:
    job = make_job(Status.RUNNING)
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = alices.cookies
    response = strict.post(f"/jobs/{job.pk}/cancel/", headers=headers)
    assert response.status_code == HTTPStatus.FORBIDDEN
    assert "This form has expired" in response.content.decode()
    assert now(job) == Status.RUNNING


def test_a_cancelled_queued_job_offers_a_retry(alices: Client, make_job: MakeJob) -> None:
    job = make_job(Status.QUEUED)
    alices.post(f"/jobs/{job.pk}/cancel/")
    page = alices.get(f"/jobs/{job.pk}/").content.decode()
    assert now(job) == Status.CANCELLED
    assert f"/jobs/{job.pk}/retry/" in page
    assert f"/jobs/{job.pk}/cancel/" not in page


def test_staff_may_cancel_for_somebody(staffs: Client, make_job: MakeJob) -> None:
    job = make_job(Status.RUNNING)
    staffs.post(f"/jobs/{job.pk}/cancel/")
    job.refresh_from_db()
    assert job.status == Status.CANCELLING
    assert job.reason == "Cancelled by boss"


@pytest.mark.parametrize(("verb", "before", "after"), CASES)
def test_staff_change_others_jobs_only_with_the_admins_permission(
    make_job: MakeJob, verb: str, before: Status, after: Status
) -> None:
    clerk = User.objects.create_user("clerk", is_staff=True)
    clerk.user_permissions.add(Permission.objects.get(codename="view_job"))
    job, client = make_job(before), client_of(clerk)
    url = f"/jobs/{job.pk}/"
    assert f"{url}{verb}/" not in client.get(url).content.decode()
    refused = client.post(f"{url}{verb}/", headers=JSON)
    assert refused.status_code == HTTPStatus.FORBIDDEN
    assert "not change it" in refused.content.decode()
    assert now(job) == before
    clerk.user_permissions.add(Permission.objects.get(codename="change_job"))
    assert f"{url}{verb}/" in client.get(url).content.decode()
    client.post(f"{url}{verb}/", headers=JSON)
    assert now(job) == after


@pytest.mark.parametrize(("verb", "before"), [("cancel", Status.QUEUED), ("retry", Status.FAILED)])
def test_undo_is_a_form_on_the_page_and_in_the_list(
    alices: Client, make_job: MakeJob, verb: str, before: Status
) -> None:
    job = make_job(before, reason="as it was", params={"seconds": 1})
    undo = f"/jobs/{job.pk}/undo/"
    page = alices.post(f"/jobs/{job.pk}/{verb}/", follow=True).content.decode()
    assert f'<form method="post" action="{undo}"' in page
    assert f'action="{undo}"' in alices.get("/").content.decode()
    assert alices.post(undo)["Location"] == f"/jobs/{job.pk}/"
    assert (now(job), job.reason) == (before, "as it was")
    assert undo not in alices.get(f"/jobs/{job.pk}/").content.decode()
    again = alices.post(undo, headers=JSON)
    assert (again.status_code, again.json()["detail"]) == (409, "There is nothing to undo.")


def test_undo_is_offered_to_those_who_may(
    alices: Client, bobs: Client, bob: User, make_job: MakeJob
) -> None:
    job = make_job(Status.QUEUED)
    alices.post(f"/jobs/{job.pk}/cancel/")
    assert bobs.post(f"/jobs/{job.pk}/undo/").status_code == HTTPStatus.NOT_FOUND
    bob.is_staff = True
    bob.save()
    bob.user_permissions.add(Permission.objects.get(codename="view_job"))
    page = bobs.get(f"/jobs/{job.pk}/")
    assert f"/jobs/{job.pk}/undo/" not in page.content.decode()
    answer = bobs.post(f"/jobs/{job.pk}/undo/", headers=JSON)
    assert (answer.status_code, now(job)) == (HTTPStatus.FORBIDDEN, Status.CANCELLED)


def test_what_was_running_says_that_its_cancel_stays(alices: Client, make_job: MakeJob) -> None:
    job = make_job(Status.RUNNING)
    page = alices.post(f"/jobs/{job.pk}/cancel/", follow=True).content.decode()
    assert "cancelling it cannot be undone" in page
    assert f"/jobs/{job.pk}/undo/" not in page

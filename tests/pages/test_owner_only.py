"""Everybody sees their own jobs and nobody else's; staff see all."""

from collections.abc import Iterator
from http import HTTPStatus

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.test import Client
from django.urls import reverse

from headway.models import Job, Status, result_path
from tests.pages.conftest import MakeJob

READ = ["job", "status", "row", "panel"]
VERBS = ["cancel", "retry"]


@pytest.fixture
def job(make_job: MakeJob) -> Iterator[Job]:
    """A job of Alice's with a file."""
    job = make_job(Status.FAILED, files=["out.txt"])
    path = default_storage.save(result_path(job.pk, 1, "out.txt"), ContentFile(b"hello"))
    yield job
    default_storage.delete(path)


def addresses(job: Job) -> list[str]:
    return [reverse(f"headway:{name}", args=[job.pk]) for name in READ] + [
        reverse("headway:file", args=[job.pk, "out.txt"])
    ]


def statuses(client: Client, job: Job) -> set[int]:
    """What the client is answered everywhere, with each answer read to its end."""
    answers = [client.get(url) for url in addresses(job)]
    return {answer.status_code for answer in answers if answer.getvalue()}


def test_alice_sees_her_job_everywhere(alices: Client, job: Job) -> None:
    assert statuses(alices, job) == {HTTPStatus.OK}


def test_bob_gets_404_for_alices_job_everywhere(bobs: Client, job: Job) -> None:
    assert statuses(bobs, job) == {HTTPStatus.NOT_FOUND}


def test_staff_see_alices_job_everywhere(staffs: Client, job: Job) -> None:
    assert statuses(staffs, job) == {HTTPStatus.OK}


@pytest.mark.parametrize("verb", VERBS)
def test_bob_cannot_cancel_or_retry_alices_job(bobs: Client, job: Job, verb: str) -> None:
    assert bobs.post(reverse(f"headway:{verb}", args=[job.pk])).status_code == HTTPStatus.NOT_FOUND
    job.refresh_from_db()
    assert job.status == Status.FAILED


def test_a_job_that_never_was_looks_like_somebody_elses(bobs: Client, job: Job) -> None:
    accept = {"Accept": "application/json"}
    never = "00000000-0000-4000-8000-000000000000"
    theirs = bobs.get(reverse("headway:job", args=[job.pk]), headers=accept)
    missing = bobs.get(reverse("headway:job", args=[never]), headers=accept)
    assert theirs.status_code == missing.status_code == HTTPStatus.NOT_FOUND
    assert theirs.content == missing.content


def test_bobs_list_shows_none_of_alices_jobs(bobs: Client, job: Job) -> None:
    assert str(job.pk) not in bobs.get("/").content.decode()


def test_the_list_of_staff_is_their_own(staffs: Client, job: Job) -> None:
    assert str(job.pk) not in staffs.get("/").content.decode()


def test_a_stranger_is_led_to_the_sign_in_form_and_back(client: Client, job: Job) -> None:
    url = reverse("headway:job", args=[job.pk])
    response = client.get(url)
    assert response.status_code == HTTPStatus.FOUND
    assert response["Location"] == f"/sign-in/?next={url}"


@pytest.mark.parametrize("name", READ)
def test_a_program_without_a_session_gets_401_as_json(client: Client, job: Job, name: str) -> None:
    url = reverse(f"headway:{name}", args=[job.pk])
    response = client.get(url, headers={"Accept": "application/json"})
    assert response.status_code == HTTPStatus.UNAUTHORIZED
    assert response.json()["detail"]


def test_what_the_page_fetches_by_itself_gets_a_bare_401(client: Client, job: Job) -> None:
    url = reverse("headway:row", args=[job.pk])
    response = client.get(url, headers={"HX-Request": "true"})
    assert response.status_code == HTTPStatus.UNAUTHORIZED
    assert "HX-Redirect" not in response


def test_a_click_after_the_session_ended_leads_to_the_sign_in_form(
    client: Client, job: Job
) -> None:
    page = f"http://testserver/jobs/{job.pk}/"
    headers = {"HX-Request": "true", "HX-Current-URL": page}
    response = client.post(reverse("headway:cancel", args=[job.pk]), headers=headers)
    assert response["HX-Redirect"] == f"/sign-in/?next=/jobs/{job.pk}/"


def test_a_forged_current_page_is_not_followed(client: Client, job: Job) -> None:
    headers = {"HX-Request": "true", "HX-Current-URL": "https://evil.example/"}
    response = client.post(reverse("headway:cancel", args=[job.pk]), headers=headers)
    assert response["HX-Redirect"] == "/sign-in/?next=/"


def test_bob_gets_404_for_alices_stream(bobs: Client, job: Job) -> None:
    for url in (f"/jobs/{job.pk}/events/", f"/jobs/events/?job={job.pk}"):
        assert bobs.get(url).status_code == HTTPStatus.NOT_FOUND
        assert bobs.head(url).status_code == HTTPStatus.NOT_FOUND


def test_a_stranger_gets_401_for_a_stream_and_never_a_redirect(client: Client, job: Job) -> None:
    for url in (f"/jobs/{job.pk}/events/", "/jobs/events/"):
        assert client.get(url).status_code == HTTPStatus.UNAUTHORIZED
        assert client.head(url).status_code == HTTPStatus.UNAUTHORIZED


@pytest.mark.parametrize("query", ["job=nonsense", "job=", "job=../etc", "job=1&job=2"])
def test_garbage_for_a_job_is_404(alices: Client, query: str) -> None:
    assert alices.get(f"/jobs/events/?{query}").status_code == HTTPStatus.NOT_FOUND


def test_one_garbage_job_among_good_ones_is_404(alices: Client, job: Job) -> None:
    url = f"/jobs/events/?job={job.pk}&job=00000000-0000-4000-8000-000000000000"
    assert alices.get(url).status_code == HTTPStatus.NOT_FOUND


def test_a_post_to_a_stream_is_405(job: Job) -> None:
    strict = Client(enforce_csrf_checks=True)
    for url in (f"/jobs/{job.pk}/events/", "/jobs/events/"):
        response = strict.post(url)
        assert response.status_code == HTTPStatus.METHOD_NOT_ALLOWED
        assert response["Allow"] == "GET, HEAD, OPTIONS"


def test_head_of_a_stream_answers_at_once(alices: Client, job: Job) -> None:
    response = alices.head(f"/jobs/{job.pk}/events/")
    assert response.status_code == HTTPStatus.OK
    assert response["Content-Type"] == "text/event-stream"
    assert not response.streaming

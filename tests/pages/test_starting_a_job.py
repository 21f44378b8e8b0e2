"""Starting a job from its form, or by JSON."""

import json
from http import HTTPStatus
from typing import Any
from uuid import uuid4

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from pytest_django import Settings

from headway.models import Job
from tests.pages.conftest import MakeJob

START = "/jobs/start/simulate/"
FORM = {"seconds": "1", "steps": "10", "phases": "1"}
JSON = {"Accept": "application/json"}


def post_json(client: Client, body: Any, **headers: str) -> Any:
    text = body if isinstance(body, str | bytes) else json.dumps(body)
    return client.post(START, text, content_type="application/json", headers={**JSON, **headers})


def test_every_kind_has_a_card_and_a_form(alices: Client) -> None:
    page = alices.get("/").content.decode()
    for kind in ("checksum-archive", "import-csv", "simulate"):
        assert f'href="/jobs/start/{kind}/"' in page
        assert alices.get(f"/jobs/start/{kind}/").status_code == HTTPStatus.OK


def test_an_unknown_kind_is_404(alices: Client) -> None:
    assert alices.get("/jobs/start/nothing/").status_code == HTTPStatus.NOT_FOUND


def test_the_form_leads_to_the_page_of_the_new_job(alices: Client) -> None:
    response = alices.post(START, FORM)
    job = Job.objects.get()
    assert response.status_code == HTTPStatus.SEE_OTHER
    assert response["Location"] == f"/jobs/{job.pk}/"
    assert job.owner is not None
    assert job.owner.get_username() == "alice"
    assert job.params["steps"] == 10


def test_htmx_is_told_to_go_there(alices: Client) -> None:
    response = alices.post(START, FORM, headers={"HX-Request": "true"})
    assert response["HX-Redirect"] == f"/jobs/{Job.objects.get().pk}/"


def test_a_double_click_starts_one_job(alices: Client) -> None:
    first, second = (alices.post(START, {**FORM, "start-token": "once"}) for _ in range(2))
    assert first["Location"] == second["Location"]
    assert Job.objects.count() == 1


def test_each_form_has_a_token_of_its_own(alices: Client) -> None:
    first, second = (alices.get(START) for _ in range(2))
    assert first.context["token"] != second.context["token"]
    assert "no-store" in first["Cache-Control"]


def test_two_people_may_have_the_same_token(alices: Client, bobs: Client) -> None:
    for client in (alices, bobs):
        client.post(START, {**FORM, "start-token": "once"})
    assert Job.objects.count() == 2


@pytest.mark.parametrize("token", ["x" * 65, "a b", "<script>", "é", "\n"])
def test_a_token_that_is_none_is_refused(alices: Client, token: str) -> None:
    response = alices.post(START, {**FORM, "start-token": token}, headers=JSON)
    assert response.status_code == HTTPStatus.BAD_REQUEST
    assert not Job.objects.exists()


def test_a_wrong_form_says_what_is_wrong_and_keeps_the_rest(alices: Client) -> None:
    response = alices.post(START, {**FORM, "steps": "many", "seconds": "7"})
    page = response.content.decode()
    assert response.status_code == HTTPStatus.BAD_REQUEST
    assert "Enter a whole number." in page
    assert 'value="7"' in page
    assert 'aria-invalid="true"' in page
    assert not Job.objects.exists()


def test_htmx_gets_the_wrong_form_alone(alices: Client) -> None:
    response = alices.post(START, {"steps": "many"}, headers={"HX-Request": "true"})
    assert response.status_code == HTTPStatus.BAD_REQUEST
    assert response.content.strip().startswith(b"<form")


def test_a_form_without_a_csrf_token_is_refused_in_our_style(alices: Client) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = alices.cookies
    response = strict.post(START, FORM)
    assert response.status_code == HTTPStatus.FORBIDDEN
    assert "This form has expired" in response.content.decode()
    assert not Job.objects.exists()


def test_a_program_gets_202_with_the_snapshot_and_where_to_follow_it(alices: Client) -> None:
    response = post_json(alices, {"seconds": 1})
    job = Job.objects.get()
    answer = response.json()
    assert response.status_code == HTTPStatus.ACCEPTED
    assert answer["job"] == str(job.pk)
    assert answer["status"] == "queued"
    assert answer["percent"] is None
    assert answer["urls"]["events"] == f"/jobs/{job.pk}/events/"
    assert response["Location"] == f"/jobs/{job.pk}/status/"


def test_parameters_that_json_leaves_out_have_their_defaults(alices: Client) -> None:
    post_json(alices, {})
    assert Job.objects.get().params["steps"] == 100


def test_a_form_may_ask_for_json(alices: Client) -> None:
    assert alices.post(START, FORM, headers=JSON).status_code == HTTPStatus.ACCEPTED


@pytest.mark.parametrize("body", [" ", "{", "[]", "null", '{"seconds": NaN}', b"\xff", "[" * 99999])
def test_malformed_json_is_400(alices: Client, body: Any) -> None:
    response = post_json(alices, body)
    assert response.status_code == HTTPStatus.BAD_REQUEST
    assert "JSON" in response.json()["detail"]


@pytest.mark.parametrize(
    "values",
    [
        {"steps": "many"},
        {"steps": -1},
        {"steps": 10**30},
        {"steps": 1.5},
        {"steps": [1, 2]},
        {"steps": {"a": 1}},
        {"steps": None},
        {"steps": "\x00"},
        {"seconds": "1e999"},
    ],
)
def test_wrong_json_is_400_and_names_the_field(alices: Client, values: dict[str, Any]) -> None:
    response = post_json(alices, values)
    assert response.status_code == HTTPStatus.BAD_REQUEST
    assert {each["pointer"] for each in response.json()["errors"]} == {f"#/{n}" for n in values}
    assert not Job.objects.exists()


def test_a_parameter_that_does_not_exist_is_named(alices: Client) -> None:
    response = post_json(alices, {"step": 10})
    assert response.status_code == HTTPStatus.BAD_REQUEST
    assert "'step'" in response.json()["detail"]


def test_an_idempotency_key_starts_one_job(alices: Client) -> None:
    answers = [post_json(alices, {}, **{"Idempotency-Key": str(uuid4())}) for _ in range(2)]
    same = [post_json(alices, {}, **{"Idempotency-Key": "again"}) for _ in range(2)]
    assert len({answer.json()["job"] for answer in answers}) == 2
    assert len({answer.json()["job"] for answer in same}) == 1


def test_an_idempotency_key_with_other_parameters_is_422(alices: Client) -> None:
    key = {"Idempotency-Key": "once"}
    first = post_json(alices, {"seconds": 1}, **key)
    other = post_json(alices, {"seconds": 2}, **key)
    assert other.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
    assert "new key" in other.json()["detail"]
    assert post_json(alices, {"seconds": 1}, **key).json()["job"] == first.json()["job"]
    assert Job.objects.count() == 1


def test_an_idempotency_key_with_another_upload_is_422(alices: Client) -> None:
    def post(content: bytes) -> Any:
        upload = SimpleUploadedFile("people.csv", content)
        headers = JSON | {"Idempotency-Key": "once"}
        return alices.post("/jobs/start/import-csv/", {"file": upload}, headers=headers)

    first = post(b"name\nAnn\n")
    assert post(b"name\nBob\n").status_code == HTTPStatus.UNPROCESSABLE_ENTITY
    assert post(b"name\nAnn\n").json()["job"] == first.json()["job"]


def test_going_back_and_starting_with_other_values_starts_another_job(alices: Client) -> None:
    for steps in ("10", "20", "20"):
        alices.post(START, {**FORM, "steps": steps, "start-token": "of-this-form"})
    assert sorted(job.params["steps"] for job in Job.objects.all()) == [10, 20]


def test_an_uploaded_file_is_stored(alices: Client) -> None:
    upload = SimpleUploadedFile("people.csv", b"name\nAnn\n")
    response = alices.post("/jobs/start/import-csv/", {"file": upload})
    assert response.status_code == HTTPStatus.SEE_OTHER
    assert Job.objects.get().params["file"].endswith("people.csv")


def test_a_file_above_the_limit_is_refused_by_name(alices: Client, settings: Settings) -> None:
    settings.HEADWAY = settings.HEADWAY | {"UPLOAD_MAX_BYTES": 4}
    upload = SimpleUploadedFile("people.csv", b"name\nAnn\n")
    response = alices.post("/jobs/start/import-csv/", {"file": upload}, headers=JSON)
    assert response.status_code == HTTPStatus.BAD_REQUEST
    [wrong] = response.json()["errors"]
    assert wrong["pointer"] == "#/file"
    assert "4 bytes" in wrong["detail"]


def test_a_body_far_above_the_limit_is_not_even_parsed(alices: Client, settings: Settings) -> None:
    settings.HEADWAY = settings.HEADWAY | {"UPLOAD_MAX_BYTES": 4}
    upload = SimpleUploadedFile("people.csv", b"x" * 2_000_000)
    response = alices.post("/jobs/start/import-csv/", {"file": upload})
    assert response.status_code == HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    assert "up to 4 bytes" in response.content.decode()


def test_another_like_this_fills_the_form(alices: Client, make_job: MakeJob) -> None:
    job = make_job(params={"seconds": 77})
    assert 'value="77"' in alices.get(f"{START}?like={job.pk}").content.decode()


def test_somebody_elses_job_fills_nothing(bobs: Client, make_job: MakeJob) -> None:
    job = make_job(params={"seconds": 77})
    assert bobs.get(f"{START}?like={job.pk}").status_code == HTTPStatus.NOT_FOUND
    assert bobs.get(f"{START}?like=nonsense").status_code == HTTPStatus.NOT_FOUND

"""Methods, types and errors: what every address for programs owes to HTTP."""

import re
from http import HTTPStatus
from typing import Any

import pytest
from django.conf import settings as configured
from django.contrib.auth.models import User
from django.test import Client
from pytest_django import Settings

from headway.models import Job, Status
from headway.web.responses import Wants
from tests.http.conftest import Moving

METHODS = {
    "/api/openapi.json": "GET, HEAD, OPTIONS",
    "/jobs/events/": "GET, HEAD, OPTIONS",
    "/jobs/start/simulate/": "GET, HEAD, POST, OPTIONS",
    "{job}events/": "GET, HEAD, OPTIONS",
    "{job}status/": "GET, HEAD, OPTIONS",
    "{job}cancel/": "POST, OPTIONS",
    "{job}retry/": "POST, OPTIONS",
}
HTML, JSON, PROBLEM = "text/html", "application/json", "application/problem+json"
BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
JSON_BODY = {"content_type": JSON}


@pytest.fixture
def alices(alice: User) -> Client:
    client = Client()
    client.force_login(alice)
    return client


def is_problem(response: Any, status: int) -> dict[str, Any]:
    """The members of a problem that is told as RFC 9457 says."""
    assert response.status_code == status
    assert response["Content-Type"] == PROBLEM
    body: dict[str, Any] = response.json()
    assert (body["type"], body["title"]) == ("about:blank", HTTPStatus(status).phrase)
    assert body["status"] == status
    assert re.search(r"\.( Reference: [A-Z0-9]{8})?$", body["detail"])
    return body


@pytest.mark.parametrize(("path", "allow"), METHODS.items())
def test_options_tells_the_methods_and_others_are_405(
    alices: Client, moving: Moving, path: str, allow: str
) -> None:
    path = path.format(job=moving.path)
    asked = alices.options(path)
    assert (asked.status_code, asked["Allow"], asked.content) == (204, allow, b"")
    for method in {"GET", "POST", "PUT", "DELETE", "PATCH"} - set(allow.split(", ")):
        refused = alices.generic(method, path, headers={"Accept": JSON})
        is_problem(refused, 405)
        assert refused["Allow"] == allow


@pytest.mark.parametrize("path", [path for path in METHODS if "GET" in METHODS[path]])
def test_head_is_get_without_the_body(alices: Client, moving: Moving, path: str) -> None:
    response = alices.head(path.format(job=moving.path))
    assert (response.status_code, response.content) == (200, b"")
    assert response["Content-Type"].partition(";")[0] in (HTML, JSON, "text/event-stream")


@pytest.mark.parametrize(
    ("accept", "wanted"),
    [
        (BROWSER, Wants.PAGE),
        ("*/*", Wants.PAGE),
        ("", Wants.JSON),
        (JSON, Wants.JSON),
        ("application/*", Wants.JSON),
        (PROBLEM, Wants.JSON),
        (f"{HTML};q=0.5, {JSON}", Wants.JSON),
        (f"{HTML}, {JSON};q=0.9", Wants.PAGE),
        (f"{JSON};q=0, */*", Wants.PAGE),
        (f"{HTML};q=0, {JSON};q=0.1", Wants.JSON),
        ("text/event-stream", Wants.JSON),
        ("image/png, nonsense;q=x", Wants.JSON),
    ],
)
def test_what_is_accepted_decides_the_form_of_an_answer(
    alices: Client, moving: Moving, accept: str, wanted: Wants
) -> None:
    refused = alices.post(f"{moving.path}retry/", headers={"Accept": accept})
    form = Wants.PAGE if refused.status_code == HTTPStatus.SEE_OTHER else Wants.JSON
    assert form is wanted
    assert {"Accept", "Cookie", "HX-Request"} <= set(refused["Vary"].split(", "))
    if form is Wants.JSON:
        is_problem(refused, 409)


def test_a_body_of_json_and_a_token_are_signs_of_a_program(
    alices: Client, token: str, moving: Moving
) -> None:
    is_problem(alices.post("/jobs/start/simulate/", {"steps": 0}, content_type=JSON), 400)
    headers = {"Authorization": f"Bearer {token}"}
    is_problem(Client().post(f"{moving.path}retry/", headers=headers), 409)
    page = Client().get(moving.path, headers={**headers, "Accept": BROWSER})
    assert page["Content-Type"].startswith(HTML)


def test_wrong_parameters_are_pointed_at(alices: Client) -> None:
    wrong = {"steps": 0, "phases": "x", "no_such": 1}
    body = is_problem(alices.post("/jobs/start/simulate/", wrong, content_type=JSON), 400)
    assert {error["pointer"] for error in body["errors"]} == {"#/steps", "#/phases"}
    assert "no_such" in body["detail"]


def test_no_session_is_a_401_that_says_how_to_sign_in(moving: Moving) -> None:
    headers = {"Accept": JSON}
    for path in (*METHODS, "{job}row/", "/"):
        method = "POST" if METHODS.get(path, "").startswith("POST") else "GET"
        response = Client().generic(method, path.format(job=moving.path), headers=headers)
        is_problem(response, 401)
        assert response["WWW-Authenticate"] == 'Bearer realm="progress"'
    partial = Client().get(f"{moving.path}row/", headers={"HX-Request": "true"})
    assert (partial.status_code, partial["WWW-Authenticate"][:6]) == (401, "Bearer")


def test_a_missing_form_token_an_unknown_kind_and_a_strangers_job_are_problems(
    alices: Client, bob: User, moving: Moving
) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = alices.cookies
    headers = {"Accept": JSON}
    is_problem(strict.post(f"{moving.path}cancel/", headers=headers), 403)
    is_problem(alices.post("/jobs/start/nothing/", headers=headers), 404)
    bobs = Client()
    bobs.force_login(bob)
    for path in ("status/", "events/", "cancel/", "retry/"):
        method = "POST" if path in ("cancel/", "retry/") else "GET"
        is_problem(bobs.generic(method, moving.path + path, headers=headers), 404)


def test_a_body_that_is_too_large_is_413(alices: Client, settings: Settings) -> None:
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 100
    long = {"steps": "1" * 200}
    is_problem(alices.post("/jobs/start/simulate/", long, content_type=JSON), 413)
    assert not Job.objects.exists()


def test_a_page_that_fails_is_a_problem_without_details(
    alices: Client, moving: Moving, monkeypatch: pytest.MonkeyPatch
) -> None:
    def crash(*_: object) -> None:
        raise RuntimeError("secret detail")

    monkeypatch.setattr("headway.web.views.actions.actions.cancel", crash)
    alices.raise_request_exception = False
    response = alices.post(f"{moving.path}cancel/", headers={"Accept": JSON})
    assert "secret" not in is_problem(response, 500)["detail"]


def test_nobody_elses_answer_comes_out_of_a_cache(alices: Client, moving: Moving) -> None:
    for path in ("status/", "row/", "panel/", ""):
        response = alices.get(moving.path + path)
        assert {"Authorization", "Cookie"} <= set(response["Vary"].split(", ")), path


@pytest.mark.parametrize("status", [Status.RUNNING, Status.SUCCEEDED])
def test_only_a_job_that_moves_is_to_be_asked_for_again(
    alices: Client, moving: Moving, status: Status
) -> None:
    Job.objects.filter(pk=moving.job.pk).update(status=status)
    response = alices.get(f"{moving.path}status/")
    assert response.headers.get("Retry-After") == ("1" if status == Status.RUNNING else None)


def test_a_poll_without_news_is_304_even_while_the_clock_ticks(
    alices: Client, moving: Moving
) -> None:
    first = alices.get(f"{moving.path}status/")
    etags = [first["ETag"], f'"other", {first["ETag"]}', first["ETag"].removeprefix("W/"), "*"]
    for etag in etags:
        again = alices.get(f"{moving.path}status/", headers={"If-None-Match": etag})
        assert (again.status_code, again.content) == (304, b"")
        assert again["Progress-Cursor"] == first["Progress-Cursor"]
        assert again["Retry-After"] == "1"
    moving.move(3)
    assert (
        alices.get(f"{moving.path}status/", headers={"If-None-Match": etags[0]}).status_code == 200
    )


def test_the_stream_ignores_what_is_accepted(alices: Client, moving: Moving) -> None:
    """A 406 would end an EventSource for good; a program that asks gets what there is."""
    for accept in ("text/event-stream", "*/*", "application/json"):
        response = alices.head(f"{moving.path}events/", headers={"Accept": accept})
        assert response["Content-Type"] == "text/event-stream"


def test_no_middleware_makes_a_session_cookie_of_a_token(token: str, moving: Moving) -> None:
    headers = {"Authorization": f"Bearer {token}"}
    response = Client().get(f"{moving.path}status/", headers=headers)
    assert configured.SESSION_COOKIE_NAME not in response.cookies

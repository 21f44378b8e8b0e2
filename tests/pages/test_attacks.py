"""Attacks that are no other test's: docs/security.md has the table of all of them."""

import gzip
import json
import uuid
from http import HTTPStatus

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from headway.models import Job
from headway.web import tokens
from progress import middleware
from progress.checks import check_settings
from tests.pages.conftest import MakeJob

ACCEPT = {"Accept": "application/json"}
START = "/jobs/start/simulate/"


@pytest.fixture
def quick_passwords(settings: Settings) -> None:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.mark.parametrize("name", ["", "status/", "row/", "panel/", "files/x.csv/"])
def test_a_job_of_somebody_else_is_answered_as_one_that_never_was(
    bobs: Client, make_job: MakeJob, name: str
) -> None:
    """To the byte, and by as many queries: the time tells nothing either."""
    answers = []
    for pk in (make_job().pk, uuid.uuid4()):
        with CaptureQueriesContext(
            connection,
        ) as queries:
            answer = bobs.get(f"/jobs/{pk}/{name}", headers=ACCEPT)
        answers.append((answer.status_code, answer.content, len(queries)))
    assert answers[0] == answers[1]
    assert answers[0][0] == HTTPStatus.NOT_FOUND


@pytest.mark.parametrize("name", ["token", "access_token", "authorization", "api_key", "bearer"])
def test_a_token_in_an_address_opens_nothing(alice: User, make_job: MakeJob, name: str) -> None:
    """Addresses are written into logs, histories and referrers."""
    secret = tokens.issue(alice)[1]
    answer = Client().get(f"/jobs/{make_job().pk}/status/?{name}={secret}", headers=ACCEPT)
    assert answer.status_code == HTTPStatus.UNAUTHORIZED


def test_nobody_learns_from_the_sign_in_form_who_has_an_account(
    alice: User, bob: User, boss: User, quick_passwords: None
) -> None:
    bob.is_active = False
    boss.set_unusable_password()
    boss.save()
    bob.set_password("secret")
    bob.save()
    tried = {"alice": "wrong", "bob": "secret", "boss": "x", "nobody": "x"}
    said = set()
    for name, password in tried.items():
        page = Client().post("/sign-in/", {"username": name, "password": password})
        assert page.status_code == HTTPStatus.OK
        said.add(page.content.decode().partition('role="alert">')[2].partition("<")[0])
    assert len(said) == 1
    assert "Please enter a correct username and password" in said.pop()


def test_a_session_is_a_new_one_after_signing_in_and_none_after_signing_out(
    alice: User, quick_passwords: None
) -> None:
    alice.set_password("secret")
    alice.save()
    planted = Client()
    session = planted.session  # as somebody could plant it
    session["x"] = 1
    session.save()
    before = planted.cookies["sessionid"].value
    planted.post("/sign-in/", {"username": "alice", "password": "secret"})
    cookie = planted.cookies["sessionid"]
    assert cookie.value != before
    assert (cookie["httponly"], cookie["samesite"]) == (True, "Lax")
    stolen = Client()
    stolen.cookies["sessionid"] = cookie.value
    assert stolen.get("/").status_code == HTTPStatus.OK
    assert planted.get("/sign-out/").status_code == HTTPStatus.METHOD_NOT_ALLOWED
    planted.post("/sign-out/")
    assert stolen.get("/").status_code == HTTPStatus.FOUND


KINDS_OF_ANSWERS = [
    *("/", "/me/", START, "/nothing/", "/jobs/nonsense/", "/sign-in/", "/admin/login/"),
    *("/admin/", "/api/openapi.json", "/static/app.css", "/jobs/start/nothing/"),
]


@pytest.mark.parametrize("path", KINDS_OF_ANSWERS)
def test_every_kind_of_answer_has_the_headers_that_protect_it(staffs: Client, path: str) -> None:
    answer = staffs.get(path)
    policy = answer["Content-Security-Policy"]
    assert "unsafe" not in policy
    for part in (
        "default-src 'self'",
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'self'",
    ):
        assert part in policy
    assert "frame-ancestors 'none'" in policy
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["Referrer-Policy"] == "same-origin"
    assert "geolocation=()" in answer["Permissions-Policy"]
    assert "Reporting-Endpoints" not in answer
    if not path.startswith("/static/"):
        assert answer["X-Frame-Options"] == "DENY"


def test_what_the_policy_stops_is_reported_where_a_setting_says(
    client: Client, settings: Settings
) -> None:
    settings.CSP_REPORT_URI = "https://reports.example/csp"
    answer = client.get("/sign-in/")
    told = "; report-uri https://reports.example/csp; report-to csp"
    assert answer["Content-Security-Policy"] == middleware.POLICY + told
    assert answer["Reporting-Endpoints"] == 'csp="https://reports.example/csp"'


@pytest.mark.parametrize("address", ["x", "https://a; script-src *", 'https://a"', "https://a,b"])
def test_an_address_for_reports_cannot_change_the_policy(address: str, settings: Settings) -> None:
    settings.CSP_REPORT_URI = address
    assert any(str(each.msg).startswith("CSP_REPORT_URI: ") for each in check_settings())
    settings.CSP_REPORT_URI = "/csp"
    assert not any("CSP_REPORT_URI" in each.msg for each in check_settings())


def test_browsers_are_led_to_https_and_told_to_stay_there(settings: Settings) -> None:
    settings.SECURE_SSL_REDIRECT, settings.SECURE_HSTS_SECONDS = True, 3600
    answer = Client().get("/jobs/?x=1")
    assert answer.status_code == HTTPStatus.MOVED_PERMANENTLY
    assert answer["Location"] == "https://testserver/jobs/?x=1"
    assert Client().get("/sign-in/", secure=True)["Strict-Transport-Security"] == "max-age=3600"


@pytest.mark.parametrize("path", ["//evil.example", "//evil.example/..", "/\\evil.example/x"])
def test_no_path_leads_to_another_site(alices: Client, path: str) -> None:
    answer = alices.get("/", PATH_INFO=path)
    assert answer.status_code in (HTTPStatus.NOT_FOUND, HTTPStatus.MOVED_PERMANENTLY)
    assert not answer.headers.get("Location", "/").startswith(("//", "/\\", "http"))


@pytest.mark.parametrize("path", ["/api/openapi.json", "/", "/sign-in/"])
def test_a_forwarded_host_is_not_believed(alices: Client, path: str) -> None:
    answer = alices.get(path, headers={"X-Forwarded-Host": "evil.example"})
    assert b"evil.example" not in answer.content


BOMB = gzip.compress(b'{"seconds": 1}' + b" " * 10_000_000)
HOSTILE_JSON = {
    "deep": b'{"seconds":' * 50_000,
    "packed": BOMB,
    "a lone surrogate": b'{"seconds": "\\ud800"}',
    "NUL": b'{"seconds": "\\u0000"}',
    "not a number": b'{"seconds": NaN}',
    "without end": b'{"seconds": 1e999}',
    "5000 digits": b'{"seconds": 1' + b"0" * 5000 + b"}",
    "UTF-16": '{"seconds": "\u0100"}'.encode("utf-16"),
    "a list": b"[1]",
    "thousands of names": json.dumps({f"x{number}": 1 for number in range(20_000)}).encode(),
}


@pytest.mark.parametrize("body", HOSTILE_JSON.values(), ids=HOSTILE_JSON)
def test_hostile_json_is_refused_in_few_words_and_starts_nothing(
    alices: Client, body: bytes
) -> None:
    answer = alices.post(
        START,
        body,
        content_type="application/json",
        headers={"Content-Encoding": "gzip"} if body is BOMB else {},
    )
    assert answer.status_code in (HTTPStatus.BAD_REQUEST, HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
    assert len(answer.content) < 50_000
    assert not Job.objects.exists()


@pytest.mark.parametrize(
    "fields", [{f"x{number}": "1" for number in range(5000)}, {"seconds": "1" * 3_000_000}]
)
def test_hostile_forms_are_refused_and_start_nothing(
    alices: Client, fields: dict[str, str]
) -> None:
    answer = alices.post(START, fields)
    assert answer.status_code in (HTTPStatus.BAD_REQUEST, HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
    assert not Job.objects.exists()


@pytest.mark.parametrize("method", ["TRACE", "PUT", "DELETE", "PATCH", "PROPFIND"])
def test_other_methods_do_nothing(alices: Client, make_job: MakeJob, method: str) -> None:
    job = make_job()
    for path in ("/", START, f"/jobs/{job.pk}/", f"/jobs/{job.pk}/cancel/", "/me/tokens/"):
        answer = alices.generic(method, path)
        refused = (HTTPStatus.METHOD_NOT_ALLOWED, HTTPStatus.FORBIDDEN)
        assert answer.status_code in refused, path
    job.refresh_from_db()
    assert job.cancel_requested_at is None


@pytest.mark.parametrize(
    "query",
    [
        *("owner__password__startswith=pbkdf2", "owner__is_superuser=1", "_to_field=token"),
        *("attempts__error__icontains=x", "params__icontains=x", "secrets__startswith=x"),
    ],
)
def test_the_admin_is_asked_nothing_that_it_does_not_show(
    staffs: Client, make_job: MakeJob, query: str
) -> None:
    make_job()
    answer = staffs.get(f"/admin/headway/job/?{query}")
    refused = (HTTPStatus.BAD_REQUEST, HTTPStatus.FOUND)
    assert answer.status_code in refused

"""Signing in and out, and what goes wrong, in the style of the pages."""

from http import HTTPStatus

import pytest
from django.contrib.auth.models import User
from django.contrib.staticfiles import finders
from django.test import Client, RequestFactory
from pytest_django import Settings

from headway.web import listing
from headway.web.views import errors
from tests.pages.conftest import MakeJob

HTMX = {"HX-Request": "true"}
JSON = {"Accept": "application/json"}


def test_signing_in_leads_where_one_wanted_to_go(
    client: Client, alice: User, make_job: MakeJob
) -> None:
    url = f"/jobs/{make_job().pk}/"
    values = {"username": alice.username, "password": "secret", "next": url}
    assert client.post("/sign-in/", values)["Location"] == url
    assert client.get(url).status_code == HTTPStatus.OK


def test_a_wrong_password_is_told(client: Client, alice: User) -> None:
    response = client.post("/sign-in/", {"username": alice.username, "password": "wrong"})
    assert "Please enter a correct username and password" in response.content.decode()


def test_the_sign_in_form_does_not_lead_to_other_sites(client: Client, alice: User) -> None:
    values = {"username": alice.username, "password": "secret", "next": "https://evil.example/"}
    assert client.post("/sign-in/", values)["Location"] == "/"


def test_pages_of_a_user_are_kept_by_no_cache_and_use_no_devices(
    alices: Client, client: Client, make_job: MakeJob
) -> None:
    for url in ("/", f"/jobs/{make_job().pk}/"):
        page = alices.get(url)
        assert page["Cache-Control"] == "private, no-cache"
        assert "camera=()" in page["Permissions-Policy"]
    assert "no-store" in client.get("/sign-in/")["Cache-Control"]
    style = client.get("/static/app.css")
    assert style.status_code == HTTPStatus.OK
    assert "private" not in style["Cache-Control"]


def test_signing_out_is_a_button(alices: Client) -> None:
    assert 'action="/sign-out/"' in alices.get("/").content.decode()
    assert alices.post("/sign-out/")["Location"] == "/sign-in/"
    assert alices.get("/").status_code == HTTPStatus.FOUND


@pytest.mark.parametrize("url", ["/nothing/", "/jobs/nonsense/", "/jobs/start/"])
def test_an_address_that_is_none_has_a_page_and_json(alices: Client, url: str) -> None:
    page = alices.get(url)
    assert page.status_code == HTTPStatus.NOT_FOUND
    assert "Go to my jobs" in page.content.decode()
    assert alices.get(url, headers=JSON).json() == {
        "type": "about:blank",
        "title": "Not Found",
        "status": 404,
        "detail": "This page does not exist, or you may not see it.",
    }


def test_htmx_gets_an_error_as_a_sentence_that_it_does_not_swap_in(alices: Client) -> None:
    response = alices.post("/nothing/", headers=HTMX)
    assert response["Content-Type"].startswith("text/plain")
    assert response["HX-Reswap"] == "none"


def test_a_crash_has_a_page_that_needs_nothing_that_may_have_crashed(
    alices: Client, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def crash(*_: object) -> None:
        raise RuntimeError("secret detail")

    monkeypatch.setattr(listing, "context", crash)
    alices.raise_request_exception = False
    response = alices.get("/")
    assert response.status_code == HTTPStatus.INTERNAL_SERVER_ERROR
    assert "Running jobs are not affected" in response.content.decode()
    assert "secret detail" not in response.content.decode()
    detail = alices.get("/", headers=JSON).json()["detail"]
    reference = detail.rpartition("Reference: ")[2]
    assert f"/: reference {reference}: RuntimeError" in caplog.messages


def test_an_address_writes_no_line_of_its_own_into_the_log(
    rf: RequestFactory, caplog: pytest.LogCaptureFixture
) -> None:
    errors.server_error(rf.get("/a%0AERROR%20all%20is%20lost%1B[2J", headers=JSON))
    [message] = caplog.messages
    assert message.startswith("/a ERROR all is lost [2J: reference ")


def test_a_forged_host_is_refused(client: Client, settings: Settings) -> None:
    settings.ALLOWED_HOSTS = ["testserver"]
    response = client.get("/sign-in/", headers={"Host": "evil.example"})
    assert response.status_code == HTTPStatus.BAD_REQUEST


def test_the_icon_that_browsers_ask_for_unasked_is_there(client: Client) -> None:
    response = client.get("/favicon.ico")
    assert response.status_code == HTTPStatus.FOUND
    assert finders.find(response["Location"].removeprefix("/static/"))

"""Scripts of other sites get what CORS_ALLOWED_ORIGINS says, and otherwise a refusal (F68)."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from django.contrib.auth.models import User
from django.test import Client
from playwright.sync_api import BrowserContext
from pytest_django import Settings

from tests.http.conftest import Moving
from tests.support.scripted import Scripted, scripted
from tests.support.stack import Valkey, Web
from tests.support.users import session_of, sign_in

LISTED, FOREIGN = "https://app.example", "https://evil.example"
PREFLIGHT = {
    "Access-Control-Request-Method": "GET",
    "Access-Control-Request-Headers": "authorization, last-event-id",
}
ADDRESSES = ("events/", "status/", "row/", "")


@pytest.fixture(autouse=True)
def _listed(settings: Settings) -> None:
    settings.CORS_ALLOWED_ORIGINS = [LISTED]


@pytest.fixture
def alices(alice: User) -> Client:
    client = Client()
    client.force_login(alice)
    return client


def get(client: Client, path: str, **headers: str) -> Any:
    return client.get(path, headers={name.replace("_", "-"): v for name, v in headers.items()})


def test_a_listed_origin_reads_everything_with_credentials(alices: Client, moving: Moving) -> None:
    for path in ADDRESSES:
        response = get(alices, moving.path + path, Origin=LISTED, Sec_Fetch_Site="cross-site")
        assert response.status_code == 200
        assert response["Access-Control-Allow-Origin"] == LISTED
        assert response["Access-Control-Allow-Credentials"] == "true"
        assert "Progress-Cursor" in response["Access-Control-Expose-Headers"]
        assert "origin" in response["Vary"].lower()


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": FOREIGN},
        {"Origin": "null"},
        {"Origin": "http://[broken"},
        {"Origin": LISTED + ".evil.example"},
        {"Origin": LISTED.replace("https", "http")},
        {"Origin": "http://testserver:81", "Sec_Fetch_Site": "same-site"},
        {"Sec_Fetch_Site": "cross-site", "Sec_Fetch_Mode": "no-cors"},
    ],
)
def test_scripts_of_any_other_get_a_403_and_nothing_else(
    alices: Client, moving: Moving, headers: dict[str, str]
) -> None:
    for path in ADDRESSES:
        response = get(alices, moving.path + path, **headers)
        assert response.status_code == 403
        assert response["Content-Type"] == "application/problem+json"
        assert "Access-Control-Allow-Origin" not in response


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Origin": "http://testserver", "Sec_Fetch_Site": "same-origin"},
        {"Sec_Fetch_Site": "same-origin", "Sec_Fetch_Mode": "cors"},
        {"Sec_Fetch_Site": "none", "Sec_Fetch_Mode": "navigate"},
        {"Sec_Fetch_Site": "cross-site", "Sec_Fetch_Mode": "navigate"},
    ],
)
def test_our_own_pages_links_from_elsewhere_and_programs_are_served(
    alices: Client, moving: Moving, headers: dict[str, str]
) -> None:
    for path in ADDRESSES:
        assert get(alices, moving.path + path, **headers).status_code == 200


def test_a_preflight_allows_what_programs_send_and_only_to_who_is_listed(moving: Moving) -> None:
    for path in ("events/", "status/"):
        listed, foreign = (
            Client().options(moving.path + path, headers={"Origin": origin, **PREFLIGHT})
            for origin in (LISTED, FOREIGN)
        )
        allowed = listed["Access-Control-Allow-Headers"].split(", ")
        assert {"authorization", "last-event-id", "if-none-match"} <= set(allowed)
        assert listed["Access-Control-Allow-Origin"] == LISTED
        assert listed.content == b""
        assert "Access-Control-Allow-Origin" not in foreign


@pytest.fixture(scope="module")
def listed() -> Iterator[Scripted]:
    """A site whose pages may read ours."""
    with scripted() as site:
        yield site


@pytest.fixture(scope="module")
def web(valkey: Valkey, django_db_setup: None, listed: Scripted) -> Iterator[Web]:
    del valkey, django_db_setup
    process = Web(CORS_ALLOWED_ORIGINS=listed.url)
    process.start()
    yield process
    process.stop()


def test_a_real_stream_has_the_headers_and_a_refused_one_costs_nothing(
    web: Web, listed: Scripted, moving: Moving, alice: User
) -> None:
    with httpx.Client(base_url=web.url, cookies={"sessionid": session_of(alice)}) as client:
        for headers in ({"Origin": listed.url}, {"Origin": listed.url, "Last-Event-ID": "0"}):
            with client.stream("GET", f"{moving.path}events/", headers=headers) as response:
                assert response.status_code == 200
                assert response.headers["access-control-allow-origin"] == listed.url
                assert response.headers["access-control-allow-credentials"] == "true"
                assert next(response.iter_text()).startswith("retry: ")
        refused = client.get(f"{moving.path}events/", headers={"Origin": FOREIGN})
        assert refused.status_code == 403
    moving.wait_for_watchers(0)


def test_the_admin_and_the_sign_in_form_are_nobody_elses(
    web: Web, listed: Scripted, alice: User
) -> None:
    with httpx.Client(base_url=web.url, cookies={"sessionid": session_of(alice)}) as client:
        for path in ("/admin/", "/sign-in/", "/"):
            response = client.get(path, headers={"Origin": listed.url})
            assert "access-control-allow-origin" not in response.headers


ASK = """url => new Promise(resolve => {
  const source = new EventSource(url, {withCredentials: true});
  source.addEventListener("progress", event => { source.close(); resolve(event.lastEventId); });
  source.onerror = () => resolve(source.readyState);
})"""
POLL = """async url => {
  const answer = await fetch(url, {credentials: "include", headers: {"Last-Event-ID": "1"}});
  return [answer.status, answer.headers.get("Progress-Cursor"), answer.headers.get("ETag")];
}"""


def test_chromium_lets_a_listed_page_read_and_no_other(
    context: BrowserContext, web: Web, listed: Scripted, moving: Moving, alice: User
) -> None:
    sign_in(context, alice, web.url)
    page = context.new_page()
    page.goto(listed.url)
    assert page.evaluate(ASK, f"{web.url}{moving.path}events/").isdigit()
    # An unsafe header: the browser asks first.
    status, cursor, etag = page.evaluate(POLL, f"{web.url}{moving.path}status/")
    assert (status, cursor.isdigit(), etag[:2]) == (200, True, "W/")
    with scripted() as other:
        page.goto(other.url)
        assert page.evaluate(ASK, f"{web.url}{moving.path}events/") == 2  # closed for good
        refused = f"url => ({POLL})(url).catch(error => error.name)"
        assert page.evaluate(refused, f"{web.url}{moving.path}status/") == "TypeError"

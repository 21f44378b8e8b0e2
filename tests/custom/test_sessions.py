"""Wherever sessions are kept, whoever signs out or may not sign in any more reads no further."""

from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest

from tests.custom.conftest import PASSWORD, Project
from tests.support.stack import Web

ENGINES = ["db", "cached_db", "cache", "file", "signed_cookies"]
AUTH = "event: auth\ndata: {}\n\n"


@pytest.fixture(scope="module", params=ENGINES)
def web(request: pytest.FixtureRequest, project: Project) -> Iterator[Web]:
    """One web process for each session engine."""
    process = Web(**project.environment, SESSIONS=request.param)
    process.start()
    yield process
    process.stop()


@contextmanager
def signed_in(web: Web, name: str = "alice") -> Iterator[httpx.Client]:
    """A browser in which somebody has signed in by the page."""
    with httpx.Client(base_url=web.url, timeout=30, follow_redirects=True) as browser:
        browser.get("/sign-in/")
        form = {"username": f"{name}@example.org", "password": PASSWORD}
        answer = browser.post("/sign-in/", data=form | csrf(browser))
        assert answer.url.path == "/", answer.text
        yield browser


def csrf(browser: httpx.Client) -> dict[str, str]:
    return {"csrfmiddlewaretoken": browser.cookies["csrftoken"]}


def start(browser: httpx.Client) -> str:
    """A job that waits for a worker, of whom there is none."""
    headers = {"X-CSRFToken": browser.cookies["csrftoken"], "Accept": "application/json"}
    answer = browser.post("/jobs/start/simulate/", json={"seconds": 60}, headers=headers)
    return str(answer.raise_for_status().json()["job"])


def until(pieces: Iterator[str], text: str) -> str:
    got = ""
    while text not in got:
        got += next(pieces)
    return got


def test_signing_out_ends_the_streams_of_the_session(web: Web, project: Project) -> None:
    with signed_in(web) as browser:
        job = start(browser)
        with browser.stream("GET", f"/jobs/{job}/events/") as response:
            pieces = response.iter_text()
            until(pieces, "event: snapshot")
            gone = browser.post("/sign-out/", data=csrf(browser))
            assert gone.url.path == "/sign-in/"
            last = "".join(pieces)  # until the server ends it
        if web.environment["SESSIONS"] == "signed_cookies":
            assert last.rstrip().rpartition("\n")[2].startswith("retry: ")
        else:
            assert last.endswith(AUTH)
        assert browser.get(f"/jobs/{job}/events/").status_code == 401


def test_a_stream_of_a_session_that_goes_on_goes_on(web: Web, project: Project) -> None:
    """Over more than two looks; with signed cookies by coming back, which a client does."""
    with signed_in(web) as browser:
        job, cursor, seen = start(browser), "", 0
        while seen < 4:
            path = f"/jobs/events/?heartbeat&cursor={cursor}"
            with browser.stream("GET", path, headers={"Cache-Control": "no-cache"}) as response:
                assert response.status_code == 200
                for line in response.iter_lines():
                    assert line != "event: auth"
                    cursor = line.removeprefix("id: ") if line.startswith("id: ") else cursor
                    seen += line.startswith(("retry: ", "event: heartbeat"))
                    if seen >= 4:
                        break
        assert browser.get(f"/jobs/{job}/status/").status_code == 200


def test_who_is_deactivated_reads_no_further(web: Web, project: Project) -> None:
    with signed_in(web, "bob") as browser:
        job = start(browser)
        with browser.stream("GET", "/jobs/events/") as response:
            pieces = response.iter_text()
            until(pieces, job)
            project.sql("UPDATE custom_person SET is_active = 0 WHERE email LIKE 'bob@%'")
            try:
                last = "".join(pieces)
                again = browser.get(f"/jobs/{job}/events/").status_code
            finally:
                project.sql("UPDATE custom_person SET is_active = 1")
        assert AUTH in last or web.environment["SESSIONS"] == "signed_cookies"
        assert again == 401

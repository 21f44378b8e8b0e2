"""Lines of the log, from the click to the end of the job: who asked, by which request, for which
job; and nothing that is sent begins a line of its own."""

import json
import logging
import re
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.http import HttpRequest
from django.test import Client, RequestFactory

from headway import logs
from headway.models import Job
from headway.web import sharing, tokens
from tests.jobs import rows
from tests.jobs.waiting import ended
from tests.support.person import Person
from tests.support.processes import Process, wait_until
from tests.support.stack import Valkey, Web, Worker

FORGED = "x\r\n2026-01-01T00:00:00Z INFO root: all is well\x1b[2J\u2028"


class Two:
    """A web process and a worker, both with LOG_FORMAT=json, and the web one behind a proxy."""

    def __init__(self) -> None:
        self.web = Web(LOG_FORMAT="json", NUM_PROXIES="1")
        self.worker = Worker(LOG_FORMAT="json")


@pytest.fixture(scope="module")
def two(valkey: Valkey, django_db_setup: None) -> Iterator[Two]:
    del valkey, django_db_setup
    both = Two()
    both.web.begin()
    both.worker.begin()
    both.web.await_ready()
    both.worker.await_ready()
    yield both
    both.web.stop()
    both.worker.stop()


def lines(process: Process) -> list[dict[str, Any]]:
    return [json.loads(line) for line in process.output.splitlines()]


@pytest.mark.usefixtures("transactional_db")
def test_one_id_leads_from_the_click_to_the_end_of_the_job(two: Two, alice: User) -> None:
    headers = {"X-Request-ID": "click-1", "X-Forwarded-For": "6.6.6.6, 203.0.113.9"}
    with Person(two.web.url, tokens.issue(alice)[1]) as person:
        answer = person.ask(
            "POST",
            "/jobs/start/simulate/?pin=1",
            json={"seconds": 0, "steps": 2, "fail_at": 50},
            headers=headers,
        )
        assert answer.headers["X-Request-ID"] == "click-1"
        job = str(answer.raise_for_status().json()["job"])
        forged = person.ask("GET", "/jobs/", headers={"X-Request-ID": "a b"}).headers[
            "X-Request-ID"
        ]
        assert re.fullmatch(r"[0-9a-f]{32}", forged)
    assert ended(job).status == "failed"
    (told,) = [
        line
        for line in lines(two.web)
        if line["logger"] == "headway.access" and line.get("request_id") == "click-1"
    ]
    assert (told["method"], told["path"]) == ("POST", "/jobs/start/simulate/")
    assert (told["client"], told["status"], told["user_id"]) == ("203.0.113.9", 202, alice.pk)
    assert told["level"] == "INFO"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", told["time"])

    def said() -> list[dict[str, Any]]:
        found = [line for line in lines(two.worker) if line.get("job_id") == job]
        return found if any(" raised " in line["message"] for line in found) else []

    assert wait_until(said)
    assert Job.objects.get(pk=job).options["headers"] == {"headway_request": "click-1"}


@pytest.mark.usefixtures("transactional_db")
def test_what_strangers_send_stands_on_one_line_of_json(two: Two) -> None:
    before = len(lines(two.web))
    with Person(two.web.url, "no token") as person:
        person.ask("GET", "/%0d%0aforged%1b[2J", headers={"Host": "evil.example"})
        person.ask("GET", "/sign-in/link/MQ/top-secret/")
    said = wait_until(lambda: lines(two.web)[before:])
    assert all({"time", "level", "logger", "message"} <= line.keys() for line in said)
    assert "top-secret" not in two.web.output
    assert "\x1b" not in two.web.output


@pytest.mark.usefixtures("transactional_db")
def test_links_that_show_a_job_are_in_no_line(two: Two, alice: User) -> None:
    token = sharing.token_of(sharing.make(rows.queued(owner=alice), ["result"], 1, alice))
    before = len(lines(two.web))
    with Person(two.web.url, tokens.issue(alice)[1]) as person:
        for end in ("", "/", "/files/../x/", "/nothing", "/files/none.txt/", "/events/"):
            person.ask("PUT" if end == "/events/" else "GET", f"/jobs/shared/{token}{end}")
    said = wait_until(
        lambda: [each for each in lines(two.web)[before:] if each.get("status") == 405]
    )
    assert said
    assert "/jobs/shared/***/files/none.txt/" in two.web.output
    assert '"/jobs/shared/***"' in two.web.output  # without its slash it is no address of the site
    assert token not in two.web.output


def record(message: str, *args: Any, **extra: Any) -> logging.LogRecord:
    made = logging.LogRecord("shop", logging.ERROR, "", 1, message, args, None)
    vars(made).update(extra)
    assert logs.Context().filter(made)
    return made


def failed(text: str) -> logging.LogRecord:
    try:
        raise ValueError(text)
    except ValueError:
        made = record("It failed: %s", text)
        made.exc_info = sys.exc_info()
    return made


@pytest.mark.parametrize("way", ["text", "json"])
def test_nobody_forges_a_line(way: str) -> None:
    told = (logs.Text() if way == "text" else logs.JSON()).format(failed(FORGED))
    first, *rest = re.split(r"[\r\n\x1b\u2028]", told)
    assert "all is well" in first
    assert all(line.startswith("    ") for line in rest)
    assert bool(rest) == (way == "text")
    if way == "json":
        said = json.loads(told)
        assert said["message"] == f"It failed: {FORGED}"
        assert said["exception"].startswith("Traceback")
    stack = record("Here", stack_info="Stack:\n  one\r\nforged")
    assert logs.Text().format(stack).count("\n    ") == 3


def test_a_line_says_what_is_known_where_it_is_made() -> None:
    said = logs.Text().format(record("Nothing is known"))
    assert said.endswith("ERROR shop: Nothing is known")
    with logs.about(job_id="j1", attempt=2), logs.about(user_id=7):
        act = logs.carried(lambda: found.append(logs.Text().format(record("Hello %s", "you"))))
    found: list[str] = []
    act()
    assert found[0].endswith("ERROR shop: Hello you [user_id=7 job_id=j1 attempt=2]")
    celerys = record("Task %(id)s", {"id": "j2"})
    assert celerys.job_id is None  # type: ignore[attr-defined]
    told = logging.LogRecord("celery.app.trace", 20, "", 1, "Task %(id)s", ({"id": "j2"},), None)
    logs.Context().filter(told)
    assert json.loads(logs.JSON().format(told))["job_id"] == "j2"


def test_lines_do_not_ask_the_database_who_it_is(alice: User) -> None:
    client = Client()
    client.force_login(alice)
    request: HttpRequest = client.get("/").wsgi_request
    assert record("x", request=request).user_id == alice.pk  # type: ignore[attr-defined]
    unknown: Any = RequestFactory().get("/")
    unknown.request_id = "r"
    made: Any = record("x", request=unknown)
    assert (made.user_id, made.request_id) == (None, "r")

"""Under WSGI nothing waits: a stream answers what it owes and ends, and its client comes back."""

import os
import statistics
import time
from collections.abc import Iterator

import httpx
import pytest
from playwright.sync_api import BrowserContext, Page, expect

from headway.stream.sse import Decoder, Message
from tests.bare.conftest import Project, Served
from tests.support.processes import Process, wait_until
from tests.support.stack import Valkey

TABS = 5
SLOWER = 0.2
"""Seconds that a page may take longer because of them."""
GUNICORN = [
    *("-m", "gunicorn", "--bind", "127.0.0.1:{port}", "--workers", "1", "--worker-class", "sync"),
    "tests.bare.wsgi:application",
]


@pytest.fixture(scope="module")
def served(project: Project) -> Iterator[Served]:
    process = Served(project, GUNICORN)
    process.start()
    yield process
    process.stop()


@pytest.fixture(scope="module")
def worker(project: Project) -> Iterator[Process]:
    process = project.worker()
    process.start()
    process.wait_for(lambda: " ready." in process.output)
    yield process
    process.kill()


@pytest.fixture
def alice(served: Served) -> Iterator[httpx.Client]:
    with served.signed_in() as browser:
        yield browser


def told(answer: httpx.Response, decoder: Decoder | None = None) -> list[Message]:
    assert answer.headers["content-type"] == "text/event-stream"
    return list((decoder or Decoder()).feed(answer.content))


def durations(browser: httpx.Client, job: str, times: int = 6) -> dict[str, list[float]]:
    """Seconds that pages take: one that has nothing to do with jobs, and those that show them."""

    def once(path: str) -> float:
        began = time.monotonic()
        browser.get(path, timeout=30).raise_for_status()
        return time.monotonic() - began

    paths = ("/hello/", "/ops/jobs/", f"/ops/jobs/{job}/", f"/watch/{job}/")
    return {path: [once(path) for _ in range(times)] for path in paths}


def test_a_stream_ends_and_is_taken_up_where_it_was(
    served: Served, project: Project, worker: Process, alice: httpx.Client
) -> None:
    job = project.start(steps=60, pause=0.1)  # it is looked at before its end
    seen: list[Message] = []
    decoder = Decoder()

    def poll() -> bool:
        headers = {"Last-Event-ID": decoder.last_id} if decoder.last_id else {}
        answer = alice.get(f"/ops/jobs/{job}/events/?heartbeat", headers=headers)
        seen.extend(told(answer, decoder))
        return seen[-1].event == "done"

    wait_until(poll, every=0.2)
    events = [message.event for message in seen if message.event != "heartbeat"]
    assert (events[0], events[-1]) == ("snapshot", "done")
    assert events.count("snapshot") == 1
    numbers = [int(m.id) for m in seen if m.event in ("progress", "state")]
    assert numbers == sorted(numbers)
    assert '"status":"succeeded"' in [m.data for m in seen if m.event == "state"][-1]


def test_it_says_when_to_come_back_and_that_it_ends(project: Project, alice: httpx.Client) -> None:
    waiting = project.start()
    decoder = Decoder()
    first = told(alice.get(f"/ops/jobs/events/?heartbeat&job={waiting}"), decoder)[0]
    assert (first.event, first.data) == ("heartbeat", '{"stale":false,"ends":true}')
    assert decoder.retry is not None
    assert decoder.retry <= 1100


def test_all_of_a_persons_jobs_are_followed(project: Project, alice: httpx.Client) -> None:
    before = project.start()
    decoder = Decoder()
    first = told(alice.get("/ops/jobs/events/"), decoder)
    assert any(before in message.data for message in first)
    after = project.start()
    new = told(alice.get("/ops/jobs/events/", params={"cursor": decoder.last_id}), decoder)
    assert any(after in message.data for message in new)
    assert not any(before in message.data for message in new if message.event == "snapshot")


def test_waits_are_not_waited_for(project: Project, alice: httpx.Client) -> None:
    job = project.start(steps=2)
    cursor = alice.get(f"/ops/jobs/{job}/status/").json()["cursor"]
    began = time.monotonic()
    alice.get(f"/ops/jobs/{job}/status/", params={"wait": 30, "cursor": cursor})
    alice.get("/ops/jobs/events/", params={"poll": 30, "cursor": cursor})
    assert time.monotonic() - began < 15


def test_a_redis_that_is_away_is_said_to_be(
    project: Project, alice: httpx.Client, valkey: Valkey
) -> None:
    job = project.start()
    valkey.stop()
    try:
        first, *others = told(alice.get(f"/ops/jobs/events/?heartbeat&job={job}"))
    finally:
        valkey.start()
    assert (first.data, others) == ('{"stale":true,"ends":true}', [])


def test_what_redis_has_lost_is_told_from_the_database(
    project: Project, alice: httpx.Client, valkey: Valkey
) -> None:
    job = project.start()
    valkey.flush()
    events = told(alice.get(f"/ops/jobs/{job}/events/?cursor=1"))
    assert [message.event for message in events] == ["resync", "snapshot", "progress"]


def test_five_tabs_keep_nobody_waiting_and_their_bars_move(
    served: Served, project: Project, worker: Process, alice: httpx.Client, context: BrowserContext
) -> None:
    job = project.start(steps=3000)
    before = durations(alice, job)
    value = alice.cookies["sessionid"]
    context.add_cookies([{"name": "sessionid", "value": value, "url": served.url}])
    problems: list[str] = []
    context.on("console", lambda message: problems.append(message.text))
    # Each with a connection of its own: without BroadcastChannel and locks tabs share nothing
    context.add_init_script("delete window.BroadcastChannel; delete navigator.locks")
    pages = [_open(context, f"{served.url}/watch/{job}/") for _ in range(TABS)]
    for page in pages:
        _moves(page)
    pages[0].wait_for_function("() => window.told.length")
    assert [text for text in problems if "Content Security Policy" in text] == []
    for path, after in durations(alice, job).items():
        assert statistics.median(after) - statistics.median(before[path]) < SLOWER, path
        assert max(after) < 2 + max(before[path]), path  # one stream that waited took 30 s
    expect(pages[0].locator("[data-chip]")).to_have_text("Live, every few seconds")
    if shots := os.environ.get("SHOTS"):
        pages[0].screenshot(path=f"{shots}/serve-wsgi.png")


def _open(context: BrowserContext, url: str) -> Page:
    page = context.new_page()
    page.goto(url)
    return page


def _moves(page: Page) -> None:
    bar = page.locator("[role=progressbar]")
    first = bar.get_attribute("aria-valuenow") or ""
    expect(bar).not_to_have_attribute("aria-valuenow", first)

"""Chromium's EventSource where the standard leaves it to the server (WHATWG HTML, 9.2.2 to 9.2.4),
and on our own streams. In brackets: the web-platform-tests of that name."""

import json
import time
from typing import Any

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import BrowserContext, Page

from tests.http.conftest import Moving
from tests.support.processes import wait_until
from tests.support.proxy import Proxy
from tests.support.scripted import EVENTS, Answer, Scripted, scripted
from tests.support.users import sign_in

LAST = "1795381784489283"
FOLLOW = """(url, until = 2) => new Promise(resolve => {
  const source = new EventSource(url), seen = [];
  const note = (...what) => {
    seen.push([...what, source.readyState]);
    if (seen.length < until && source.readyState < 2) return;
    source.close(); resolve(seen);
  };
  source.onopen = () => note("open");
  source.onmessage = event => note(event.data, event.lastEventId);
  source.onerror = () => note("error");
})"""


def follow(page: Page, url: str, until: int = 2) -> list[list[Any]]:
    """What an EventSource tells its page, each with the readyState: so many, or up to its end."""
    seen: list[list[Any]] = page.evaluate(f"([url, until]) => ({FOLLOW})(url, until)", [url, until])
    return seen


@pytest.mark.parametrize("status", [204, 205, 210, 299, 404, 410, 503])
def test_any_status_but_200_ends_it_for_good(blank: Page, server: Scripted, status: int) -> None:
    """[request-status-error] Hence `busy` is a 200, and 401 and 404 are meant."""
    path = f"/status-{status}"
    server.scripts[path] = lambda to: to.send(status, body=b"data: x\n\n" if status > 205 else b"")
    assert follow(blank, path) == [["error", 2]]
    assert len(server.asked_for(path)) == 1


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_followed_and_one_to_a_page_ends_it(
    blank: Page, server: Scripted, status: int
) -> None:
    """[request-redirect] Hence no stream of ours leads to the sign-in form."""
    server.scripts["/stream"] = lambda to: to.send(body=b"data: x\n\n")
    server.scripts[f"/to-stream-{status}"] = lambda to: to.send(status, Location="/stream")
    server.scripts[f"/to-page-{status}"] = lambda to: to.send(status, Location="/a-page")
    assert follow(blank, f"/to-stream-{status}") == [["open", 1], ["x", "", 1]]
    assert follow(blank, f"/to-page-{status}") == [["error", 2]]


@pytest.mark.parametrize(
    ("type_", "opens"),
    [
        (f"{EVENTS};", True),
        (f"{EVENTS};charset=utf-8", True),
        (f"{EVENTS};charset=windows-1252", False),
        (f"{EVENTS};x bogus", True),
        ("text/event-streams", False),
        ("text/plain", False),
        ("text/html", False),
    ],
)
def test_the_type_decides(blank: Page, server: Scripted, type_: str, opens: bool) -> None:
    """[format-mime-*, format-utf-8] The standard ignores any charset, Chromium refuses all but one:
    ours has none."""
    server.scripts["/typed"] = lambda to: to.send(type=type_, body="data: …\n\n".encode())
    expected = [["open", 1], ["…", "", 1]] if opens else [["error", 2]]
    assert follow(blank, "/typed") == expected


def test_it_comes_back_after_each_end_with_the_last_id(blank: Page, server: Scripted) -> None:
    """[reconnect, format-field-id-3] In UTF-8, and not at all once an empty id took it away."""
    bodies = iter(
        ["retry: 50\nid: …\ndata: a\n\n", "data: b\n\nid: 7\n\n", "id\ndata: c\n\n", "data: d\n\n"]
    )
    server.scripts["/again"] = lambda to: to.send(body=next(bodies, "").encode())
    seen = follow(blank, "/again", 12)
    assert [what[:2] for what in seen if len(what) == 3] == [
        *(["a", "…"], ["b", "…"], ["c", ""], ["d", ""]),
    ]
    assert [what for what in seen if what[0] == "error"] == [["error", 0]] * 4
    ids = [request.headers.get("Last-Event-ID") for request in server.asked_for("/again")][:4]
    assert [i and i.encode("latin-1").decode() for i in ids] == [None, "…", "7", None]


def test_what_it_asks_for(blank: Page, server: Scripted) -> None:
    """[request-accept, request-cache-control]"""
    server.scripts["/asked"] = lambda to: to.send(body=b"data: x\n\n")
    follow(blank, "/asked")
    [asked, *_] = server.asked_for("/asked")
    assert asked.method == "GET"
    assert asked.headers["Accept"] == EVENTS
    assert asked.headers["Cache-Control"] == "no-cache"
    assert asked.headers["Sec-Fetch-Site"] == "same-origin"
    assert "Origin" not in asked.headers


@pytest.mark.parametrize("bogus", ["1000x", "-1", "1e3", "+5", "0x10"])
def test_a_retry_that_is_no_number_changes_nothing(
    blank: Page, server: Scripted, bogus: str
) -> None:
    """[format-field-retry, -bogus] With 1000 or its own 3000 this would take 3 s and longer.

    An empty one takes it back to 3000, though the standard says that it is nothing: we write none.
    """
    path = f"/retry-{bogus}"
    server.scripts[path] = lambda to: to.send(
        body=f"retry: 10\nretry: {bogus}\ndata: x\n\n".encode()
    )
    begun = time.monotonic()
    assert len(follow(blank, path, 12)) == 12  # it has come back three times
    assert time.monotonic() - begun < 2.9


def test_nothing_comes_after_close_and_window_stop_ends_it(blank: Page, server: Scripted) -> None:
    """[eventsource-close, request-cancellation]"""
    server.scripts["/close"] = lambda to: to.send(body=b"retry: 1\ndata: a\n\ndata: b\n\n")
    closing = """() => new Promise(resolve => {
      const source = new EventSource("/close"), seen = [];
      source.onmessage = event => { seen.push(event.data); source.close(); };
      setTimeout(() => resolve([seen, source.readyState]), 200);
    })"""
    assert blank.evaluate(closing) == [["a"], 2]
    assert len(server.asked_for("/close")) == 1
    stopping = """() => new Promise(resolve => {
      const source = new EventSource("/close?stop");
      source.onopen = () => { source.onerror = () => resolve(source.readyState); window.stop(); };
    })"""
    assert blank.evaluate(stopping) == 2


def test_a_worker_has_the_same(blank: Page, server: Scripted) -> None:
    """[dedicated-worker/*]"""
    server.scripts["/in-worker"] = lambda to: to.send(body=b"id: 1\ndata: x\n\n")
    server.scripts["/worker.js"] = lambda to: to.send(
        type="text/javascript",
        body=f"({FOLLOW})('/in-worker').then(postMessage)".encode(),
    )
    run = """() => new Promise(resolve => {
      new Worker("/worker.js").onmessage = event => resolve(event.data);
    })"""
    assert blank.evaluate(run) == [["open", 1], ["x", "1", 1]]


def allow(body: str) -> Any:
    def script(to: Answer) -> None:
        origin = to.headers["Origin"]
        to.send(
            body=body.encode(),
            Access_Control_Allow_Origin=origin,
            Access_Control_Allow_Headers="Last-Event-ID",
        )

    return script


def test_with_ids_like_ours_it_asks_no_other_site_for_permission_to_come_back(blank: Page) -> None:
    """[eventsource-cross-origin-preflight] Longer or unsafe ones would make it, by the standard."""
    with scripted() as elsewhere:
        elsewhere.scripts["/"] = allow(f"retry: 10\nid: {LAST}\ndata: x\n\n")
        seen = follow(blank, f"{elsewhere.url}/", 5)
        assert [what[0] for what in seen] == ["open", "x", "error", "open", "x"]
        first, second, *_ = elsewhere.asked
    assert (first.method, second.method) == ("GET", "GET")
    assert (first.headers["Last-Event-ID"], second.headers["Last-Event-ID"]) == (None, LAST)


WATCH = """url => {
  window.seen = []; window.source = new EventSource(url);
  source.onopen = () => seen.push(["open"]);
  for (const kind of ["snapshot", "progress", "state", "resync", "done"]) {
    source.addEventListener(kind, event => {
      seen.push([kind, event.data, event.lastEventId]);
      if (kind === "done") source.close();
    });
  }
}"""


def test_our_stream_is_resumed_by_the_browser_itself_from_beginning_to_done(
    context: BrowserContext, proxy: Proxy, moving: Moving, alice: User
) -> None:
    """No script of ours: the header that the browser sends is enough."""
    sign_in(context, alice, proxy.url)
    page = context.new_page()
    page.goto(f"{proxy.url}/healthz")
    page.evaluate(WATCH, f"{proxy.url}{moving.path}events/")
    wait_until(lambda: "progress" in kinds(page))
    moving.move(10)
    wait_until(lambda: kinds(page).count("progress") == 2)
    proxy.drop()
    moving.move(20)
    moving.move(30)
    wait_until(lambda: kinds(page).count("progress") == 4)
    moving.end()
    wait_until(lambda: "done" in kinds(page))
    seen = page.evaluate("seen")
    told = [json.loads(each[1])["percent"] for each in seen if each[0] == "progress"]
    assert told == [None, 10, 20, 30, 100]
    assert kinds(page).count("open") == 2
    assert kinds(page).count("snapshot") == 1
    assert "resync" not in kinds(page)
    ids = [int(each[2]) for each in seen if len(each) > 2]
    assert ids == sorted(ids)


def kinds(page: Page) -> list[str]:
    """What the page has heard so far."""
    return [each[0] for each in page.evaluate("seen")]


@pytest.mark.parametrize("signed_in", [False, True])
def test_a_refusal_of_ours_ends_it_without_a_redirect(
    context: BrowserContext, proxy: Proxy, moving: Moving, bob: User, signed_in: bool
) -> None:
    if signed_in:
        sign_in(context, bob, proxy.url)
    page = context.new_page()
    page.goto(f"{proxy.url}/healthz")
    assert follow(page, f"{proxy.url}{moving.path}events/") == [["error", 2]]

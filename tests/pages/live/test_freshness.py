"""What a page says while nothing comes: from its server, and from its job."""

import re
import signal
import time
from collections.abc import Callable
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from headway.models import Status
from tests.pages.conftest import MakeJob
from tests.pages.live.conftest import OpenTab
from tests.pages.live.watching import SECONDS, Running, chip, percent, while_waiting
from tests.support.proxy import Proxy
from tests.support.servers import Serve
from tests.support.stack import Web

pytestmark = pytest.mark.django_db(transaction=True)

TIMES = "[data-field=elapsed], [data-field=eta]"


@pytest.fixture(scope="module")
def web(serve: Serve) -> Web:
    """A web process with all settings as they come, but for when a job has stalled."""
    return serve(Web, JOB_STALLED_AFTER="4")


def asked(proxy: Proxy) -> list[str]:
    """How often the open streams are to say something, in seconds."""
    return [parse_qs(urlsplit(each).query)["heartbeat"][0] for each in proxy.streams]


def test_a_frozen_server_is_said_and_the_clocks_stand_still(
    open_tab: OpenTab, running: Running, web: Web
) -> None:
    tabs = [open_tab(running.path) for _ in range(2)]
    for value in range(1, 12):
        running.move(value, eta=90)
        tabs[0].wait_for_timeout(100)
    percent(tabs[-1]).to_have_text("11%")
    web.signal(signal.SIGSTOP)
    try:
        frozen = time.monotonic()
        for tab in tabs:
            chip(tab).to_have_text(re.compile(r"\d+ s"), timeout=7.5 * SECONDS)
        times = [tab.locator(TIMES).all_text_contents() for tab in tabs]
        for tab in tabs:
            waits = max(1, 8.5 - (time.monotonic() - frozen)) * SECONDS
            chip(tab).to_have_text(re.compile(r"^Reconnecting, updated \d+ s ago"), timeout=waits)
        assert [tab.locator(TIMES).all_text_contents() for tab in tabs] == times
    finally:
        web.signal(signal.SIGCONT)
    running.move(50)
    for tab in tabs:
        percent(tab).to_have_text("50%")
        chip(tab).to_have_text("Live")


def test_the_server_is_asked_to_speak_often_only_while_something_is_active(
    open_tab: OpenTab, proxy: Proxy, make_job: MakeJob
) -> None:
    tab = open_tab("/")
    assert asked(proxy) == ["15"]
    job = Running(make_job(Status.QUEUED))
    while_waiting(tab, lambda: asked(proxy) == ["3"])
    job.become(Status.CANCELLED)
    while_waiting(tab, lambda: asked(proxy) == ["15"])


def test_a_page_whose_job_is_quiet_stays_live(open_tab: OpenTab, running: Running) -> None:
    tab = open_tab(running.path)
    tab.evaluate(
        """() => {
            window.said = new Set();
            const chip = document.querySelector('[data-chip]');
            const note = () => window.said.add(chip.textContent);
            new MutationObserver(note).observe(chip, { childList: true });
        }"""
    )
    tab.wait_for_timeout(12 * SECONDS)
    assert tab.evaluate("[...window.said]") == []


def test_a_job_that_stands_still_says_so_until_it_moves(
    open_tab: OpenTab, running: Running
) -> None:
    tabs = [open_tab(running.path), open_tab("/")]
    stalled = [expect(tab.locator(".stalled")) for tab in tabs]
    ways: list[Callable[[], None]] = [
        lambda: running.write("a line"),
        lambda: running.move(20, rate=2, eta=900),
    ]
    for speak in ways:
        for each in stalled:
            each.to_have_text(re.compile(r"^No progress for \d+ s$"))
        expect(tabs[0].locator("[data-announce]")).to_have_text(re.compile("No progress for 4 s"))
        speak()
        for each in stalled:
            each.to_have_text("")
    known = [
        *(expect(tabs[0].locator(f"[data-field={name}]")) for name in ("left", "rate")),
        expect(tabs[1].locator("[data-field=eta]")),
    ]
    for each in known:
        each.not_to_have_text("")
    running.say("output", text="more")
    tabs[0].wait_for_timeout(2 * SECONDS)
    stalled[0].to_have_text("")
    stalled[0].not_to_have_text("")
    fresh = open_tab(running.path)
    expect(fresh.locator(".stalled")).to_have_text(re.compile("^No progress for"))
    for each in (*known, expect(fresh.locator("[data-field=left]"))):
        each.to_have_text("")  # nobody knows how long it takes now


def test_behind_a_proxy_that_buffers_a_job_that_runs_is_soon_said_to_run(
    context: BrowserContext, page: Page, proxy: Proxy, make_job: MakeJob
) -> None:
    """From the first moment on, when the page does not know yet that no stream gets through."""
    del context
    job = Running(make_job(Status.QUEUED))
    proxy.mode = "buffer"
    page.goto(f"{proxy.url}{job.path}")
    expect(page.locator(".why")).not_to_have_text("")
    page.evaluate(
        """() => {
            window.bare = false; // queued, without a word why
            new MutationObserver(() => {
                const queued = document.querySelector('[data-job][data-status=queued]');
                if (queued && !queued.querySelector('.why')) window.bare = true;
            }).observe(document.body, { childList: true, subtree: true });
        }"""
    )
    job.become(Status.RUNNING, attempt=1, percent=0, current=0)
    job.move(7)
    expect(page.locator(".badge").first).to_have_text("Running", timeout=4 * SECONDS)
    chip(page).to_have_text("Live, every few seconds")
    job.move(30)
    percent(page).to_have_text("30%", timeout=5 * SECONDS)
    assert page.evaluate("window.bare") is False

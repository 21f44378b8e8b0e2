"""Many tabs of one browser over plain HTTP under a host name, where pages have no Web Locks."""

import time
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from headway.models import Status
from tests.conftest import CHROMIUM, CHROMIUM_ARGUMENTS
from tests.pages.live import test_tabs as with_locks
from tests.pages.live.conftest import OpenTab
from tests.pages.live.watching import Running, chip, lines, percent, while_waiting
from tests.support.proxy import Proxy
from tests.support.servers import Serve
from tests.support.stack import Web

pytestmark = pytest.mark.django_db(transaction=True)
HOST = "jobs.test"
SLACK = 2.0
"""Milliseconds by which the clocks of two tabs may differ."""
LEFT = {
    "BroadcastChannel": "",
    "localStorage": "delete window.BroadcastChannel;",
    "SharedWorker": "delete window.BroadcastChannel; delete window.localStorage;",
    "nothing": "for (const each of ['BroadcastChannel', 'localStorage', 'SharedWorker'])"
    " delete window[each];",
}
"""What tabs have to speak to one another -> what takes the rest from them."""


@pytest.fixture(scope="module")
def browser(browser: Browser) -> Iterator[Browser]:
    """Chromium, which finds the host on this machine."""
    chromium = browser.browser_type.launch(
        executable_path=str(CHROMIUM),
        args=[*CHROMIUM_ARGUMENTS, f"--host-resolver-rules=MAP {HOST} 127.0.0.1"],
    )
    yield chromium
    chromium.close()


@pytest.fixture(scope="module")
def web(serve: Serve) -> Web:
    """A web process under that host name."""
    return serve(Web, ALLOWED_HOSTS=f"{HOST},127.0.0.1", STREAM_KEEPALIVE="3")


@pytest.fixture
def proxy(proxy: Proxy) -> Proxy:
    """The proxy before it, under that name too."""
    proxy.url = f"http://{HOST}:{proxy.port}"
    return proxy


FETCHED = """() => performance.getEntriesByType('resource')
    .filter(({ initiatorType }) => ['xmlhttprequest', 'fetch'].includes(initiatorType))
    .map(({ name, startTime, responseEnd }) =>
        [performance.timeOrigin + startTime, performance.timeOrigin + responseEnd, name])"""


def at_once(tabs: list[Page]) -> list[str]:
    """What tabs have fetched while one of them fetched something else; clicks not counted."""
    found = sorted(each for tab in tabs for each in tab.evaluate(FETCHED))
    found = [each for each in found if not each[2].endswith("/cancel/")]
    assert found, "nothing was fetched"
    ends, latest = [], found[0]
    for each in found:
        latest = max(latest, each, key=lambda one: one[1])
        ends.append(latest)
    pairs = zip(ends, found[1:], strict=False)
    return [f"{one[2]} and {two[2]}" for one, two in pairs if two[0] < one[1] - SLACK]


def test_nine_tabs_share_one_stream_and_take_turns(
    open_tab: OpenTab, proxy: Proxy, running: Running
) -> None:
    tabs = [open_tab(path) for path in (running.path, "/", running.path) * 3]
    assert tabs[0].evaluate("[window.isSecureContext, 'locks' in navigator]") == [False, False]
    running.move(42)
    for tab in tabs:
        percent(tab).to_have_text("42%")
    assert len(proxy.streams) == 1
    clicked = time.monotonic()
    tabs[-1].get_by_role("button", name="Cancel").click()
    expect(tabs[-1].locator(".badge").first).to_have_text("Cancelling")
    assert time.monotonic() - clicked < 3
    running.job.refresh_from_db()
    running.become(Status.CANCELLED)
    for tab in tabs:
        expect(tab.locator(".badge").first).to_have_text("Cancelled")
    assert at_once(tabs) == []
    assert len(proxy.streams) <= 1


@pytest.mark.parametrize("left", LEFT)
def test_whatever_tabs_can_speak_by_they_share_one_stream(
    context: BrowserContext, open_tab: OpenTab, proxy: Proxy, running: Running, left: str
) -> None:
    context.add_init_script(LEFT[left])
    tabs = [open_tab(running.path) for _ in range(3)]
    running.write("one")
    running.move(42)
    for tab in tabs:
        percent(tab).to_have_text("42%")
        lines(tab).to_have_text(["one"])
    assert len(proxy.streams) == (3 if left == "nothing" else 1)
    tabs.pop(0).close()
    running.write("two")
    for tab in tabs:
        lines(tab).to_have_text(["one", "two"])
    running.become(Status.SUCCEEDED)
    for tab in tabs:
        percent(tab).to_have_text("100%")
    if left == "localStorage":
        assert tabs[0].evaluate("localStorage.length") == 0


def test_a_buffering_proxy_is_polled_with_two_connections_at_most(
    open_tab: OpenTab, proxy: Proxy, running: Running
) -> None:
    tabs = [open_tab(running.path) for _ in range(4)]
    proxy.mode = "buffer"
    proxy.drop()
    running.move(10)
    for tab in tabs:
        chip(tab).to_have_text("Live, every few seconds")
        percent(tab).to_have_text("10%")
    running.become(Status.FAILED, reason="The disk is full.")
    for tab in tabs:
        expect(tab.get_by_text("The disk is full.")).to_be_visible()
    assert at_once(tabs) == []
    assert len(proxy.streams) <= 1


def test_two_tabs_that_lead_at_once_become_one(
    context: BrowserContext, open_tab: OpenTab, proxy: Proxy, running: Running
) -> None:
    """As when neither has heard the other while both began."""
    context.add_init_script(
        """if (location.hash === '#deaf') {
            const Real = BroadcastChannel;
            window.BroadcastChannel = class extends Real {
                set onmessage(hear) {
                    super.onmessage = (event) => { if (window.hears) hear(event); };
                }
            };
        }"""
    )
    tabs: list[Page] = [open_tab(running.path), open_tab(f"{running.path}#deaf")]
    while_waiting(tabs[1], lambda: len(proxy.streams) == 2)
    tabs[1].evaluate("window.hears = true")
    while_waiting(tabs[1], lambda: len(proxy.streams) == 1)
    running.move(60)
    for tab in tabs:
        percent(tab).to_have_text("60%")
        chip(tab).to_have_text("Live")


@pytest.mark.parametrize("end", ["closed", "crashed", "left"])
def test_when_the_leading_tab_ends_another_goes_on_within_seconds(
    context: BrowserContext, open_tab: OpenTab, proxy: Proxy, running: Running, end: str
) -> None:
    with_locks.test_when_the_leading_tab_ends_another_goes_on_without_a_gap(
        context, open_tab, proxy, running, end
    )


def test_a_leading_tab_that_hangs_is_replaced(
    open_tab: OpenTab, proxy: Proxy, running: Running
) -> None:
    with_locks.test_a_leading_tab_that_hangs_is_replaced_and_comes_back_as_another(
        open_tab, proxy, running
    )

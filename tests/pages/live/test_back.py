"""A page that comes back as it was left."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.conftest import CHROMIUM_ARGUMENTS
from tests.pages.live.conftest import OpenTab
from tests.pages.live.watching import Running, chip, lines, percent
from tests.support.programs import program
from tests.support.proxy import Proxy

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(scope="module")
def browser(browser: Browser) -> Iterator[Browser]:
    """All of Chromium: its headless shell keeps no page."""
    chromium = browser.browser_type.launch(
        executable_path=program("chromium"),
        args=CHROMIUM_ARGUMENTS,
        ignore_default_args=["--disable-back-forward-cache"],
    )
    yield chromium
    chromium.close()


def test_a_page_out_of_the_back_forward_cache_is_live_again(
    open_tab: OpenTab, proxy: Proxy, running: Running
) -> None:
    tab, other = open_tab(running.path), open_tab(running.path)
    tab.evaluate("addEventListener('pageshow', (event) => { window.kept = event.persisted; })")
    tab.goto(f"{proxy.url}/jobs/start/simulate/")
    running.write("one")
    running.move(64)
    percent(other).to_have_text("64%")
    tab.go_back(wait_until="commit")
    percent(tab).to_have_text("64%")
    chip(tab).to_have_text("Live")
    running.write("two")
    for each in (tab, other):
        lines(each).to_have_text(["one", "two"])
    assert tab.evaluate("window.kept") is True
    assert len(proxy.streams) == 1

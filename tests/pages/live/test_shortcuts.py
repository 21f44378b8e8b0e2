"""Keys for what is done most: never while somebody writes, and not when they are switched off."""

import pytest
from playwright.sync_api import expect

from headway.models import Status
from tests.pages.conftest import MakeJob
from tests.pages.live.conftest import OpenTab
from tests.pages.live.watching import Running
from tests.support.proxy import Proxy

pytestmark = pytest.mark.django_db(transaction=True)


def test_keys_move_tick_and_search_but_not_in_a_field(open_tab: OpenTab, make_job: MakeJob) -> None:
    for title in ("First", "Second"):
        make_job(Status.FAILED, title=title)
    tab = open_tab("/")
    tab.keyboard.press("j")
    expect(tab.get_by_role("link", name="Second")).to_be_focused()
    tab.keyboard.press("j")
    expect(tab.get_by_role("link", name="First")).to_be_focused()
    tab.keyboard.press("x")
    expect(tab.get_by_label("Select First")).to_be_checked()
    tab.keyboard.press("k")
    expect(tab.get_by_role("link", name="Second")).to_be_focused()
    tab.keyboard.press("/")
    search = tab.get_by_placeholder("Search")
    expect(search).to_be_focused()
    tab.keyboard.type("j?/")
    expect(search).to_have_value("j?/")
    expect(tab.locator("dialog")).to_have_count(0)


def test_the_sheet_gives_the_focus_back_and_switches_them_off(
    open_tab: OpenTab, running: Running
) -> None:
    tab = open_tab(running.path)
    tab.locator(".crumb a").first.focus()
    tab.keyboard.press("?")
    sheet = tab.get_by_role("dialog", name="Keyboard shortcuts")
    expect(sheet).to_contain_text("Go to the log")
    expect(sheet).not_to_contain_text("Next job")  # there is only one here
    sheet.get_by_label("Use them in this browser").uncheck()
    tab.keyboard.press("Escape")
    expect(sheet).to_have_count(0)
    expect(tab.locator(".crumb a").first).to_be_focused()
    tab.keyboard.press("?")
    tab.keyboard.press("u")
    tab.get_by_role("button", name="Keyboard shortcuts").click()
    sheet.get_by_label("Use them in this browser").check()
    sheet.get_by_role("button", name="Close").click()
    tab.keyboard.press("u")
    tab.wait_for_url("**/")


def test_what_becomes_of_the_connection_is_told_to_screen_readers(
    open_tab: OpenTab, running: Running, proxy: Proxy
) -> None:
    tab = open_tab(running.path)
    told = tab.locator("[data-announce]")
    expect(told).to_be_empty()
    proxy.mode = "pause"
    expect(told).to_contain_text("Reconnecting, updated")
    proxy.mode = "pass"
    expect(told).to_have_text("Live")


def test_the_sheet_of_the_list_looks_as_everything_does(open_tab: OpenTab) -> None:
    tab = open_tab("/")
    tab.keyboard.press("?")
    sheet = tab.get_by_role("dialog")
    expect(sheet).to_have_css("border-radius", "12px")
    expect(sheet).to_have_css("border-top-width", "1px")

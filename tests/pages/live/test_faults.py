"""What networks, proxies, servers and computers do to a live page, and how it comes back."""

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import BrowserContext, expect

from headway.models import Job, Status
from tests.pages.conftest import MakeJob
from tests.pages.live.conftest import OpenTab
from tests.pages.live.watching import SECONDS, Running, chip, lines, percent
from tests.support.proxy import Mode, Proxy
from tests.support.stack import Valkey
from tests.support.users import sign_in

pytestmark = pytest.mark.django_db(transaction=True)
HEALED = 5 * SECONDS
"""Within which every tab says what the database says, once a fault is over."""


@pytest.mark.parametrize("mode", ["502", "503", "204", "reset"])
def test_refusals_are_survived_with_the_cursor(
    open_tab: OpenTab, proxy: Proxy, running: Running, mode: Mode
) -> None:
    tabs = [open_tab(running.path), open_tab("/")]
    running.move(20)
    for tab in tabs:
        percent(tab).to_have_text("20%")
    proxy.mode = mode
    proxy.drop()
    for tab in tabs:
        chip(tab).to_contain_text("updated")
    running.write("said while nobody could hear it")
    running.move(55)
    proxy.mode = "pass"
    for tab in tabs:
        percent(tab).to_have_text("55%", timeout=HEALED)
        chip(tab).to_have_text("Live")
    lines(tabs[0]).to_have_text(["said while nobody could hear it"])
    assert len(proxy.streams) <= 2  # a page that went over to polls tries a stream beside them


def test_a_login_page_in_between_is_said_and_left_behind(
    open_tab: OpenTab, proxy: Proxy, running: Running
) -> None:
    tab = open_tab(running.path)
    proxy.mode = "login"
    proxy.drop()
    chip(tab).to_have_text("Sign in to keep watching")
    running.move(30)
    proxy.mode = "pass"
    tab.evaluate("dispatchEvent(new Event('online'))")
    percent(tab).to_have_text("30%", timeout=HEALED)
    chip(tab).to_have_text("Live")


def test_a_peer_that_died_without_a_word_is_noticed_by_its_silence(
    open_tab: OpenTab, proxy: Proxy, running: Running
) -> None:
    tabs = [open_tab(running.path), open_tab("/")]
    proxy.mode = "pause"
    running.move(44)
    for tab in tabs:
        chip(tab).to_contain_text("updated")
    proxy.mode = "pass"
    for tab in tabs:
        percent(tab).to_have_text("44%", timeout=HEALED)
        chip(tab).to_have_text("Live")


def test_a_proxy_that_holds_streams_back_is_polled_until_it_does_no_more(
    open_tab: OpenTab, proxy: Proxy, running: Running
) -> None:
    tabs = [open_tab(running.path), open_tab("/")]
    proxy.mode = "buffer"
    proxy.drop()
    running.move(10)
    for tab in tabs:
        chip(tab).to_have_text("Live, every few seconds")
    for value in (20, 30):
        running.move(value)
        for tab in tabs:
            percent(tab).to_have_text(f"{value}%")
    proxy.mode = "pass"
    for tab in tabs:
        chip(tab).to_have_text("Live")
    running.become(Status.SUCCEEDED)
    for tab in tabs:
        expect(tab.locator(".badge").first).to_have_text("Succeeded", timeout=HEALED)


def test_a_slow_connection_shows_the_newest_and_all_lines(
    open_tab: OpenTab, proxy: Proxy, running: Running
) -> None:
    tab = open_tab(running.path)
    proxy.mode = "throttle"
    for value in range(1, 31):
        running.write(f"line {value}")
        running.move(value)
    percent(tab).to_have_text("30%")
    lines(tab).to_have_count(30)


def test_half_a_second_and_lost_packets_cost_time_and_nothing_else(
    open_tab: OpenTab, proxy: Proxy, running: Running
) -> None:
    proxy.mode = "lossy"
    tab = open_tab(running.path)
    for value in range(1, 31):
        running.write(f"line {value}")
        running.move(value)
    percent(tab).to_have_text("30%")
    lines(tab).to_have_count(30)
    chip(tab).to_have_text("Live")
    tab.get_by_role("button", name="Cancel").first.click()
    expect(tab.locator(".badge").first).to_have_text("Cancelling")


def test_a_hung_redis_is_said_and_the_database_is_shown(
    open_tab: OpenTab, valkey: Valkey, running: Running, make_job: MakeJob
) -> None:
    going = Running(make_job(percent=0, current=0))
    pages = open_tab(running.path), open_tab(going.path)
    valkey.pause()
    try:
        for tab in pages:
            chip(tab).to_contain_text("Live updates paused")
        Job.objects.filter(pk=running.job.pk).update(status=Status.FAILED, reason="Gave up.")
        expect(pages[0].get_by_text("Gave up.")).to_be_visible()
    finally:
        valkey.resume()
    going.move(25)
    chip(pages[1]).to_have_text("Live", timeout=HEALED)
    percent(pages[1]).to_have_text("25%", timeout=HEALED)


def test_a_stream_outlives_the_collection_of_garbage(
    context: BrowserContext, open_tab: OpenTab, proxy: Proxy, running: Running
) -> None:
    tab = open_tab(running.path)
    running.move(20)
    percent(tab).to_have_text("20%")
    heap = context.new_cdp_session(tab)
    for _ in range(3):
        heap.send("HeapProfiler.collectGarbage")
    running.move(40)
    percent(tab).to_have_text("40%", timeout=HEALED)
    assert len(proxy.streams) == 1


def test_signing_out_in_one_tab_is_said_in_all(
    context: BrowserContext, open_tab: OpenTab, proxy: Proxy, running: Running, alice: User
) -> None:
    tabs = [open_tab(running.path), open_tab(running.path), open_tab("/")]
    tabs[2].get_by_role("button", name="Sign out").click()
    for tab in tabs[:2]:
        chip(tab).to_have_text("Sign in to keep watching")
        link = tab.locator("[data-chip] a")
        expect(link).to_have_attribute("href", f"/sign-in/?next=%2Fjobs%2F{running.job.pk}%2F")
    before = proxy.accepted
    tabs[0].wait_for_timeout(3 * SECONDS)
    assert proxy.accepted - before <= 1
    sign_in(context, alice, proxy.url)
    tabs[2].goto(proxy.url)
    running.move(40)
    for tab in tabs:
        chip(tab).to_have_text("Live")
        percent(tab).to_have_text("40%")


def test_a_page_of_who_has_signed_out_is_not_brought_back(
    open_tab: OpenTab, running: Running
) -> None:
    """Whoever sits down at that browser next presses Back."""
    tab = open_tab(running.path)
    tab.get_by_role("button", name="Sign out").click()
    expect(tab.get_by_label("Username")).to_be_visible()
    tab.go_back(wait_until="commit")
    expect(tab.get_by_label("Username")).to_be_visible()


@pytest.mark.parametrize("leads", [True, False])
def test_a_frozen_tab_catches_up_and_does_not_hold_the_others(
    context: BrowserContext, open_tab: OpenTab, proxy: Proxy, running: Running, leads: bool
) -> None:
    first, second = (open_tab(running.path) for _ in range(2))
    frozen, awake = (first, second) if leads else (second, first)
    session = context.new_cdp_session(frozen)
    session.send("Page.setWebLifecycleState", {"state": "frozen"})
    running.write("one")
    running.move(61)
    percent(awake).to_have_text("61%", timeout=HEALED)
    lines(awake).to_have_text(["one"])
    session.send("Page.setWebLifecycleState", {"state": "active"})
    percent(frozen).to_have_text("61%", timeout=HEALED)
    lines(frozen).to_have_text(["one"])
    running.write("two")
    for tab in (frozen, awake):
        lines(tab).to_have_text(["one", "two"])
    assert len(proxy.streams) == 1

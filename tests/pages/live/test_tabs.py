"""Many tabs of one browser on HTTP/1.1, which opens six connections to a host."""

import contextlib
import threading
import time

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import BrowserContext, Error, Page, expect

from headway.models import Job, Status
from tests.pages.conftest import MakeJob
from tests.pages.live.conftest import OpenTab
from tests.pages.live.watching import SECONDS, Running, chip, lines, percent, while_waiting
from tests.support.proxy import Proxy
from tests.support.users import sign_in

NOTE = "no-worker"
pytestmark = pytest.mark.django_db(transaction=True)


def test_eight_tabs_share_one_stream_and_a_click_is_answered(
    open_tab: OpenTab, proxy: Proxy, running: Running
) -> None:
    tabs = [open_tab(path) for path in ("/", running.path) * 4]
    running.move(42)
    for tab in tabs:
        percent(tab).to_have_text("42%")
    assert len(proxy.streams) == 1
    clicked = time.monotonic()
    tabs[-1].get_by_role("button", name="Cancel").click()
    expect(tabs[-1].locator(".badge").first).to_have_text("Cancelling")
    assert time.monotonic() - clicked < 2
    running.job.refresh_from_db()
    running.become(Status.CANCELLED)
    for tab in tabs:
        expect(tab.locator(".badge").first).to_have_text("Cancelled")


def test_two_tabs_on_one_job_say_the_same_once(
    open_tab: OpenTab, proxy: Proxy, running: Running
) -> None:
    said = ["before it <img src=x onerror=alert(1)>", "after it <b hx-get=/ hx-trigger=load>"]
    first = open_tab(running.path)
    running.write(said[0])
    second = open_tab(running.path)
    running.write(said[1])
    running.move(30, message="reading")
    for tab in (first, second):
        lines(tab).to_have_text(said)
        percent(tab).to_have_text("30%")
        expect(tab.locator("[data-field=message]")).to_have_text("reading")
    assert len(proxy.streams) == 1


def test_tabs_that_open_and_close_while_lines_are_written_miss_none(
    open_tab: OpenTab, running: Running
) -> None:
    """Each that opens makes the leader connect anew, from before what the others have had."""
    written = [f"line {number}" for number in range(120)]
    over = threading.Event()

    def write() -> None:
        for line in written:
            running.write(line)
            over.wait(0.03)

    writer = threading.Thread(target=write)
    writer.start()
    tabs = [open_tab(running.path) for _ in range(4)]
    tabs.pop(0).close()
    writer.join()
    for tab in tabs:
        lines(tab).to_have_text(written)


def test_a_tab_whose_job_has_ended_leaves_and_the_others_go_on(
    open_tab: OpenTab, proxy: Proxy, running: Running, make_job: MakeJob
) -> None:
    ending = Running(make_job(percent=0, current=0))
    first, second = open_tab(ending.path), open_tab(running.path)
    ending.become(Status.SUCCEEDED)
    percent(first).to_have_text("100%")
    chip(first).to_be_hidden()
    running.move(20)
    percent(second).to_have_text("20%")
    chip(second).to_have_text("Live")
    assert len(proxy.streams) == 1
    running.become(Status.SUCCEEDED)
    percent(second).to_have_text("100%")
    while_waiting(second, lambda: proxy.streams == [])


@pytest.mark.parametrize("end", ["closed", "crashed", "left"])
def test_when_the_leading_tab_ends_another_goes_on_without_a_gap(
    context: BrowserContext, open_tab: OpenTab, proxy: Proxy, running: Running, end: str
) -> None:
    first, second, third = (open_tab(running.path) for _ in range(3))
    running.write("one")
    lines(third).to_have_text(["one"])
    if end == "closed":
        first.close()
    elif end == "left":
        first.goto(f"{proxy.url}/jobs/start/simulate/")
    else:
        with contextlib.suppress(Error):
            first.goto("chrome://crash", timeout=1 * SECONDS)
    running.write("two")
    running.move(50)
    for tab in (second, third):
        lines(tab).to_have_text(["one", "two"])
        percent(tab).to_have_text("50%")
        chip(tab).to_have_text("Live")
    assert len(proxy.streams) == 1


def test_a_leading_tab_that_hangs_is_replaced_and_comes_back_as_another(
    open_tab: OpenTab, proxy: Proxy, running: Running
) -> None:
    first, second = open_tab(running.path), open_tab(running.path)
    hang = "setTimeout(() => { const end = Date.now() + 7000; while (Date.now() < end); }, 0)"
    first.evaluate(hang)
    running.write("one")
    running.move(50)
    lines(second).to_have_text(["one"])
    chip(second).to_have_text("Live")
    running.write("two")
    for tab in (first, second):
        lines(tab).to_have_text(["one", "two"])
        percent(tab).to_have_text("50%")
    while_waiting(first, lambda: len(proxy.streams) == 1)


def test_somebody_else_in_the_same_browser_gets_nothing_of_mine(
    context: BrowserContext, open_tab: OpenTab, proxy: Proxy, running: Running, boss: User
) -> None:
    alices = open_tab("/")
    sign_in(context, boss, proxy.url)
    theirs = open_tab("/")
    alices.evaluate("dispatchEvent(new Event('online'))")  # connects anew, with the other session
    chip(alices).to_have_text("Sign in to keep watching")
    mine = Running(Job.objects.create(kind="simulate", title="Secret", owner=boss, queue="celery"))
    expect(theirs.locator(".row")).to_have_count(1)
    running.move(70)
    theirs.wait_for_timeout(1 * SECONDS)
    expect(theirs.locator(".row")).to_have_count(1)
    expect(alices.locator(".row")).to_have_count(1)
    assert str(mine.job.pk) not in alices.content()


def test_others_jobs_that_staff_watch_stay_off_their_list(
    context: BrowserContext, open_tab: OpenTab, proxy: Proxy, running: Running, boss: User
) -> None:
    sign_in(context, boss, proxy.url)
    index, watched = open_tab("/"), open_tab(running.path)
    asked: list[str] = []
    others = ("no-worker", "/events/")  # the stream is opened anew for the other tab's job
    index.on(
        "request",
        lambda each: None if any(name in each.url for name in others) else asked.append(each.url),
    )
    running.move(10)
    while_waiting(index, lambda: asked == [f"{proxy.url}/"])
    running.move(20)
    percent(watched).to_have_text("20%")
    running.become(Status.FAILED, reason="The disk is full.")
    expect(watched.get_by_text("The disk is full.")).to_be_visible()
    twice = [f"{proxy.url}/"] * 2  # for its motion, and for its new state, when it was its turn
    while_waiting(index, lambda: asked == twice)
    expect(index.locator(".row")).to_have_count(0)
    assert len(proxy.streams) == 1


def test_a_tab_with_a_job_that_is_gone_does_not_stop_the_others(
    open_tab: OpenTab, proxy: Proxy, running: Running, make_job: MakeJob
) -> None:
    doomed = Running(make_job(percent=0, current=0))
    first, second = open_tab(doomed.path), open_tab(running.path)
    doomed.job.delete()
    proxy.drop()
    chip(first).to_have_text("No longer available")
    running.move(33)
    percent(second).to_have_text("33%")
    chip(second).to_have_text("Live")


def test_a_tab_that_is_seen_again_shows_a_retry_from_elsewhere(
    page: Page, proxy: Proxy, running: Running
) -> None:
    running.become(Status.FAILED)
    page.goto(f"{proxy.url}{running.path}")
    badge = expect(page.locator(".badge").first)
    badge.to_have_text("Failed")
    running.become(Status.RUNNING, attempt=2)
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    badge.to_have_text("Running")
    running.move(40)
    percent(page).to_have_text("40%")


def test_a_finished_job_asks_for_nothing(
    open_tab: OpenTab, page: Page, proxy: Proxy, running: Running
) -> None:
    running.become(Status.SUCCEEDED)
    requests: list[str] = []
    page.on("request", lambda each: requests.append(each.url))
    page.goto(f"{proxy.url}{running.path}")
    percent(page).to_have_text("100%")
    page.wait_for_load_state("networkidle")
    requests.clear()
    page.wait_for_timeout(3 * SECONDS)
    assert requests == []

"""One tab of a live page in a real browser, before a real web process and a real Redis."""

import re
from collections import defaultdict
from threading import Event
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from playwright.sync_api import Page, Route, expect

from headway.models import Job, Status
from tests.pages.conftest import MakeJob
from tests.pages.live.watching import SECONDS, Running, percent, watch, while_waiting
from tests.support.proxy import Proxy
from tests.support.users import sign_in

pytestmark = pytest.mark.django_db(transaction=True)
SWAP = """() => {
  const panel = document.querySelector('[data-job]');
  panel.dataset.old = '';
  panel.dispatchEvent(new CustomEvent('job:state'));
}"""


def test_progress_moves_the_bar_in_place(page: Page, proxy: Proxy, running: Running) -> None:
    watch(page, f"{proxy.url}{running.path}")
    bar = page.get_by_role("progressbar")
    handle = bar.element_handle()
    running.move(41.8, current=836, total=2000, message="reading", rate=12.5, eta=90)
    percent(page).to_have_text("41%")
    expect(bar).to_have_attribute("aria-valuenow", "41.8")
    expect(bar).to_have_attribute("aria-valuetext", "41%")
    expect(page.locator(".bar-fill")).to_have_attribute("style", "width: 41.8%;")
    figures: dict[str, str | re.Pattern[str]] = {
        "message": "reading",
        "count": "836 of 2,000",
        "rate": "13/s",
        "left": re.compile(r"^\d\d s to 2 min$"),
    }
    for name, text in figures.items():
        expect(page.locator(f"[data-field={name}]")).to_have_text(text)
    assert handle.evaluate("(bar) => bar.isConnected"), "the bar was replaced"
    expect(page).to_have_title("41% · Simulate · Headway")


def test_a_bar_never_goes_back_and_is_not_full_before_success(
    page: Page, proxy: Proxy, running: Running
) -> None:
    watch(page, f"{proxy.url}{running.path}")
    running.move(60)
    percent(page).to_have_text("60%")
    running.move(40, message="went back")
    expect(page.get_by_text("went back")).to_be_visible()
    percent(page).to_have_text("60%")
    running.move(100, message="all but committed")
    expect(page.get_by_text("all but committed")).to_be_visible()
    percent(page).to_have_text("99%")
    running.become(Status.SUCCEEDED, result={"rows": 5})
    percent(page).to_have_text("100%")


def test_a_new_state_is_rendered_by_the_server(page: Page, proxy: Proxy, running: Running) -> None:
    watch(page, f"{proxy.url}{running.path}")
    running.move(33.3)
    percent(page).to_have_text("33%")
    running.become(Status.FAILED, reason="The disk is full.", percent=33.3)
    expect(page.get_by_text("The disk is full.")).to_be_visible()
    expect(page.get_by_role("button", name="Retry")).to_be_visible()
    expect(page.locator("[data-chip]")).to_be_hidden()
    percent(page).to_have_text("33%")
    expect(page).to_have_title("Simulate · Headway")


def test_a_retry_is_followed_although_the_stream_had_ended(
    page: Page, proxy: Proxy, running: Running
) -> None:
    running.become(Status.FAILED, percent=80)
    page.goto(f"{proxy.url}/jobs/{running.job.pk}/")
    page.get_by_role("button", name="Retry").click()
    expect(page.locator(".badge").first).to_have_text("Queued")
    running.job.refresh_from_db()
    running.become(Status.RUNNING, attempt=2, percent=None, current=None, total=None)
    running.move(7)
    percent(page).to_have_text("7%")


def test_an_error_event_is_not_a_lost_connection(
    page: Page, proxy: Proxy, running: Running
) -> None:
    watch(page, f"{proxy.url}{running.path}")
    running.say("error", error=True, message="Something failed")
    running.move(12)
    percent(page).to_have_text("12%")
    expect(page.locator("[data-chip]")).to_have_text("Live")


def test_lines_and_output_arrive_as_text(page: Page, proxy: Proxy, running: Running) -> None:
    watch(page, f"{proxy.url}{running.path}")
    running.say("log", level="info", text="<img src=x onerror=alert(1)>")
    running.say("warning", level="warning", text="row 7: no name")
    running.say("output", text="Once ")
    running.say("output", text="<b>upon</b>")
    expect(page.locator("[data-lines] li")).to_have_text(
        ["<img src=x onerror=alert(1)>", "row 7: no name"]
    )
    expect(page.locator("[data-output]")).to_have_text("Once <b>upon</b>")


def test_only_quarters_are_announced(page: Page, proxy: Proxy, running: Running) -> None:
    watch(page, f"{proxy.url}{running.path}")
    page.evaluate(
        """() => {
            window.said = [];
            const region = document.querySelector('[data-announce]');
            new MutationObserver(() => window.said.push(region.textContent))
                .observe(region, { childList: true });
        }"""
    )
    for value in range(5, 100, 5):
        running.move(value)
    percent(page).to_have_text("95%")
    running.become(Status.SUCCEEDED)
    percent(page).to_have_text("100%")
    said = page.evaluate("window.said")
    assert set(said) <= {f"Simulate: {step}" for step in ("25%", "50%", "75%", "succeeded")}
    assert said[-1] == "Simulate: succeeded"


def test_one_stream_carries_all_bars_and_new_jobs_appear(
    page: Page, proxy: Proxy, running: Running, make_job: MakeJob
) -> None:
    streams: list[str] = []
    page.on("request", lambda each: streams.append(each.url) if "/events/" in each.url else None)
    second = Running(make_job(percent=0, current=0))
    page.goto(proxy.url)
    expect(page.locator("[data-chip]")).to_have_text("Live")
    third = Running(make_job(Status.QUEUED))
    rows = page.locator(".row")
    expect(rows).to_have_count(3)
    expect(rows.first).to_have_attribute("data-job", str(third.job.pk))
    running.move(20)
    second.move(30)
    expect(rows.nth(2).locator("[data-field=percent]")).to_have_text("20%")
    expect(rows.nth(1).locator("[data-field=percent]")).to_have_text("30%")
    expect(page).to_have_title("2 running · My jobs · Headway")
    assert len(streams) == 1


def test_jobs_that_start_at_once_appear_at_once_though_a_request_fails(
    page: Page, proxy: Proxy, make_job: MakeJob
) -> None:
    """None is given up, and none needs a request of its own."""
    page.goto(proxy.url)
    expect(page.locator("[data-chip]")).to_have_text("Live")
    asked: list[Route] = []

    def hold(route: Route) -> None:
        asked.append(route)
        if len(asked) > 1:
            route.continue_()

    page.route(f"{proxy.url}/", hold)
    jobs = {str(Running(make_job(Status.QUEUED)).job.pk) for _ in range(4)}
    while_waiting(page, lambda: len(asked) == 1)
    asked[0].abort()
    rows = page.locator(".row")
    expect(rows).to_have_count(4)
    assert {row.get_attribute("data-job") for row in rows.all()} == jobs
    assert len(asked) < len(jobs)


def test_parts_that_are_swapped_leave_one_stream_open(
    page: Page, proxy: Proxy, running: Running
) -> None:
    watch(page, f"{proxy.url}{running.path}")
    before = proxy.streams
    for value in (10, 20, 30):
        with page.expect_response("**/panel/"):
            page.evaluate(SWAP)
        expect(page.locator("[data-old]")).to_have_count(0)
        running.move(value)
        percent(page).to_have_text(f"{value}%")
    assert proxy.streams == before
    assert len(before) == 1


def test_the_first_job_takes_the_place_of_the_empty_list(
    page: Page, proxy: Proxy, make_job: MakeJob
) -> None:
    page.goto(proxy.url)
    expect(page.get_by_text("No jobs yet")).to_be_visible()
    expect(page.locator("[data-chip]")).to_have_text("Live")
    Running(make_job(Status.QUEUED))
    expect(page.locator(".row")).to_have_count(1)
    expect(page.get_by_text("No jobs yet")).to_be_hidden()


def test_a_server_on_this_machine_is_live_without_a_network(
    page: Page, proxy: Proxy, running: Running
) -> None:
    watch(page, f"{proxy.url}{running.path}")
    page.evaluate("Object.defineProperty(navigator, 'onLine', { value: false })")
    running.move(30)
    expect(page.locator("[data-field=elapsed]")).to_have_text(re.compile("[789] s|.. s"))
    expect(page.locator("[data-chip]")).to_have_text("Live")
    proxy.mode = "pause"
    expect(page.locator("[data-chip]")).to_contain_text("paused")


def test_an_ended_session_is_a_message_and_not_a_loop(
    page: Page, proxy: Proxy, running: Running
) -> None:
    watch(page, f"{proxy.url}{running.path}")
    Session.objects.all().delete()
    proxy.drop()
    chip = page.locator("[data-chip]")
    expect(chip).to_have_text("Sign in to keep watching")
    expect(chip.get_by_role("link")).to_have_attribute(
        "href", f"/sign-in/?next=%2Fjobs%2F{running.job.pk}%2F"
    )
    before = proxy.accepted
    page.wait_for_timeout(3 * SECONDS)
    assert proxy.accepted == before


def test_a_deleted_job_is_said_to_be_gone(page: Page, proxy: Proxy, running: Running) -> None:
    watch(page, f"{proxy.url}{running.path}")
    running.job.delete()
    proxy.drop()
    expect(page.locator("[data-chip]")).to_have_text("No longer available")


def test_a_reply_that_was_overtaken_is_not_shown(
    page: Page, proxy: Proxy, running: Running
) -> None:
    """The answer to the click is older than the state that the stream has brought since, and
    arrives before the panel that shows that state."""
    watch(page, f"{proxy.url}{running.path}")
    held: dict[str, list[tuple[Route, Any]]] = defaultdict(list)
    released = Event()

    def hold(route: Route) -> None:
        reply = route.fetch()
        part = route.request.url.split("/")[-2]
        if released.is_set():
            route.fulfill(response=reply)
        else:
            held["new panel" if "Cancelled" in reply.text() else part].append((route, reply))

    page.route(re.compile("/(cancel|panel)/$"), hold)
    page.get_by_role("button", name="Cancel").click()
    while_waiting(page, lambda: "cancel" in held)
    running.job.refresh_from_db()
    running.become(Status.CANCELLED)
    while_waiting(page, lambda: "new panel" in held)
    released.set()
    for route, reply in held["cancel"] + held["new panel"]:
        route.fulfill(response=reply)
    expect(page.locator(".badge").first).to_have_text("Cancelled")


def test_a_double_click_on_start_starts_one_job(page: Page, proxy: Proxy) -> None:
    page.goto(f"{proxy.url}/jobs/start/simulate/")
    page.get_by_role("button", name="Start").dblclick()
    page.wait_for_url("**/jobs/*-*/")
    assert Job.objects.count() == 1


def test_elapsed_time_ticks_between_reports(page: Page, proxy: Proxy, running: Running) -> None:
    watch(page, f"{proxy.url}{running.path}")
    running.move(10)
    elapsed = page.locator("[data-field=elapsed]")
    for seconds in ("[67] s", "[89] s|.. s"):
        expect(elapsed).to_have_text(re.compile(seconds))


def test_a_tick_in_the_admin_survives_the_polls(
    page: Page, proxy: Proxy, running: Running, boss: User
) -> None:
    sign_in(page.context, boss, proxy.url)
    running.move(10)
    page.goto(f"{proxy.url}/admin/headway/job/")
    tick = page.locator("input.action-select")
    tick.check()
    running.move(50)
    expect(page.get_by_role("progressbar")).to_have_attribute("aria-valuenow", "50")
    expect(tick).to_be_checked()
    expect(page.locator(".action-counter")).to_have_text("1 of 1 selected")
    running.become(Status.SUCCEEDED)
    expect(page.locator(".badge")).to_have_text("Succeeded")
    polls: list[str] = []
    page.on("request", lambda each: polls.append(each.url))
    page.wait_for_timeout(3 * SECONDS)
    assert polls == []

"""What a person is at stays: the focus, what is open, and what is under the pointer."""

import re
from collections.abc import Iterator

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Locator,
    Page,
    Route,
    expect,
)

from headway.models import Job, Status
from tests.pages.conftest import MakeJob
from tests.pages.live.watching import Running, lines, watch, while_waiting
from tests.support.proxy import Proxy
from tests.support.users import sign_in

pytestmark = pytest.mark.django_db(transaction=True)
SLOW = 450
"""Milliseconds between two slow clicks."""
UNDER = "([x, y]) => document.elementFromPoint(x, y).closest('button, input, a')?.id ?? ''"
ONCE_THERE_ARE_TWO = f"""(place) => {{ window.seen = new Promise((tell) => {{
  const look = () => document.querySelectorAll('input.action-select').length === 2
    ? tell(({UNDER})(place)) : requestAnimationFrame(look);
  look();
}}); }}"""
"""Notes what is under a place as soon as a list has two ticks: slow ones look too late."""
FOCUS = "document.activeElement.closest('[data-job], #jobs')?.id ?? ''"


BROKEN = re.compile("htmx:(oob|swap|target|onLoad|sendError)")


@pytest.fixture(autouse=True)
def no_errors(context: BrowserContext) -> Iterator[None]:
    """No reply of which htmx does not know where to put it."""
    errors: list[str] = []

    def listen(message: ConsoleMessage) -> None:
        if BROKEN.search(message.text):
            errors.append(message.text)

    context.on("console", listen)
    yield
    assert errors == []


@pytest.fixture
def waiting(make_job: MakeJob) -> Running:
    """A queued job."""
    return Running(make_job(Status.QUEUED))


def middle(button: Locator) -> tuple[float, float]:
    box = button.bounding_box()
    assert box
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


@pytest.mark.parametrize("where", ["list", "job"])
@pytest.mark.parametrize(
    ("begin", "label", "end"),
    [(Status.QUEUED, "Cancel", Status.CANCELLED), (Status.FAILED, "Retry", Status.QUEUED)],
)
def test_a_second_slow_click_does_not_undo_the_first(
    page: Page, proxy: Proxy, make_job: MakeJob, where: str, begin: Status, label: str, end: Status
) -> None:
    job = Running(make_job(begin)).job
    page.goto(proxy.url if where == "list" else f"{proxy.url}{job.get_absolute_url()}")
    place = middle(page.get_by_role("button", name=label))
    for _ in range(3):
        page.mouse.click(*place)
        page.wait_for_timeout(SLOW / 2)
    expect(page.locator(".badge").first).to_have_text(str(end.label))
    job.refresh_from_db()
    assert job.status == end


def test_what_has_come_can_be_pressed_after_a_second(
    page: Page, proxy: Proxy, waiting: Running
) -> None:
    watch(page, proxy.url)
    page.get_by_role("button", name="Cancel").click()
    retry = page.get_by_role("button", name="Retry")
    expect(retry).to_have_class("quiet held held-new")
    expect(retry).to_have_class("quiet")
    retry.click()
    expect(page.locator(".badge")).to_have_text("Queued")


def test_the_keyboard_cannot_undo_it_either(page: Page, proxy: Proxy, waiting: Running) -> None:
    watch(page, proxy.url)
    page.get_by_role("button", name="Cancel").press("Enter")
    retry = page.get_by_role("button", name="Retry")
    expect(retry).to_be_visible()
    asked: list[str] = []
    page.on("request", lambda each: asked.append(each.url) if each.method == "POST" else None)
    retry.focus()
    page.keyboard.press("Enter")
    expect(retry).to_have_class("quiet")
    assert asked == []
    assert Job.objects.get().status == Status.CANCELLED


def test_no_other_jobs_button_comes_under_the_pointer(
    page: Page, proxy: Proxy, waiting: Running, make_job: MakeJob
) -> None:
    watch(page, proxy.url)
    place = middle(page.get_by_role("button", name="Cancel"))
    page.mouse.move(*place)
    assert page.evaluate(UNDER, place) == f"cancel-row-{waiting.job.pk}"
    other = Running(make_job(Status.QUEUED)).job
    expect(page.locator(".row")).to_have_count(2)
    assert page.evaluate(UNDER, place) == ""
    while_waiting(page, lambda: page.evaluate(UNDER, place) == f"cancel-row-{other.pk}")


def test_no_other_tick_comes_under_the_pointer_in_the_admin(
    page: Page, proxy: Proxy, running: Running, make_job: MakeJob, boss: User
) -> None:
    sign_in(page.context, boss, proxy.url)
    page.goto(f"{proxy.url}/admin/headway/job/")
    place = middle(page.locator("input.action-select"))
    assert page.evaluate(UNDER, place) == f"select-{running.job.pk}"
    page.evaluate(ONCE_THERE_ARE_TWO, place)
    other = Running(make_job(Status.QUEUED)).job
    assert page.evaluate("seen") in (f"select-{running.job.pk}", "")
    while_waiting(page, lambda: page.evaluate(UNDER, place) == f"select-{other.pk}")


@pytest.mark.parametrize("where", ["list", "job"])
@pytest.mark.parametrize("status", [Status.QUEUED, Status.RUNNING])
def test_a_click_by_keyboard_keeps_the_focus_where_it_was(
    page: Page, proxy: Proxy, make_job: MakeJob, where: str, status: Status
) -> None:
    job = Running(make_job(status))
    watch(page, proxy.url if where == "list" else f"{proxy.url}{job.path}")
    page.get_by_role("button", name="Cancel").press("Enter")
    ended = "Cancelled" if status == Status.QUEUED else "Cancelling"
    expect(page.locator(".badge").first).to_have_text(ended)
    name = f"{'row' if where == 'list' else 'panel'}-{job.job.pk}"
    assert page.evaluate(FOCUS) == name
    if status == Status.RUNNING:
        job.job.refresh_from_db()
        job.become(Status.CANCELLED)
        expect(page.locator(".badge").first).to_have_text("Cancelled")
        assert page.evaluate(FOCUS) == name
    page.keyboard.press("Tab")  # from there on to what is in it
    assert page.evaluate(FOCUS) == name


def test_the_focus_of_a_row_that_leaves_goes_to_the_next(
    page: Page, proxy: Proxy, make_job: MakeJob
) -> None:
    other, leaving = Running(make_job()), Running(make_job())
    watch(page, f"{proxy.url}/?status=active")
    page.locator(f"#row-{leaving.job.pk} a").focus()
    leaving.become(Status.SUCCEEDED)
    expect(page.locator(".row")).to_have_count(1)
    assert page.evaluate(FOCUS) == f"row-{other.job.pk}"
    other.become(Status.SUCCEEDED)
    expect(page.locator(".row")).to_have_count(0)
    assert page.evaluate("document.activeElement.id") == "main"


def test_what_is_open_stays_open(page: Page, proxy: Proxy, waiting: Running) -> None:
    watch(page, f"{proxy.url}{waiting.path}")
    summary = page.get_by_text("Details", exact=True)
    summary.click()
    waiting.become(Status.RUNNING, attempt=1)
    for status in (Status.RUNNING, Status.CANCELLING):
        waiting.become(status)
        expect(page.locator(".badge").first).to_have_text(str(status.label))
        expect(page.locator("[id^=details]")).to_have_attribute("open", "")
        assert page.evaluate("document.activeElement.tagName") == "SUMMARY"
    summary.click()
    waiting.become(Status.CANCELLED)
    expect(page.locator(".badge").first).to_have_text("Cancelled")
    expect(page.locator("[id^=details]:not([open])")).to_have_count(1)


def test_a_log_that_somebody_reads_further_up_stays_there(
    page: Page, proxy: Proxy, running: Running
) -> None:
    """Also when the whole of it is taken anew: at the end of the job."""
    for number in range(100):
        running.write(f"line {number}")
    watch(page, f"{proxy.url}{running.path}")
    lines(page).to_have_count(100)
    page.locator("#lines").focus()
    page.evaluate("document.querySelector('#lines').scrollTop = 500")
    running.become(Status.SUCCEEDED)
    expect(page.locator(".badge").first).to_have_text("Succeeded")
    assert page.evaluate("document.querySelector('#lines').scrollTop") == 500
    assert page.evaluate("document.activeElement.id") == "lines"


def test_a_form_that_is_refused_leads_to_what_is_wrong(page: Page, proxy: Proxy) -> None:
    page.goto(f"{proxy.url}/jobs/start/simulate/")
    page.get_by_label("Phases").fill("20")
    page.get_by_label("Steps").fill("5")
    page.get_by_role("button", name="Start").press("Enter")
    expect(page.get_by_text("There cannot be more phases than steps.")).to_be_visible()
    expect(page.get_by_label("Phases")).to_be_focused()


def test_an_answer_to_a_click_is_not_lost_to_an_update(
    page: Page, proxy: Proxy, running: Running
) -> None:
    """The job ends while somebody presses Cancel: the refusal is shown."""
    watch(page, f"{proxy.url}{running.path}")
    held: list[Route] = []
    page.route("**/cancel/", lambda route: held.append(route))
    page.get_by_role("button", name="Cancel").click()
    while_waiting(page, lambda: bool(held))
    with page.expect_response("**/panel/") as answered:
        running.become(Status.SUCCEEDED)
    answered.value.finished()
    held[0].continue_()
    expect(page.get_by_role("alert")).to_have_text("A job that is succeeded cannot be cancelled.")
    expect(page.locator(".badge").first).to_have_text("Succeeded")


def test_without_scripts_a_second_slow_click_does_not_undo_the_first_either(
    browser: Browser, proxy: Proxy, make_job: MakeJob, alice: User
) -> None:
    """By the style sheet alone."""
    job = make_job(Status.QUEUED)
    plain = browser.new_context(java_script_enabled=False)
    sign_in(plain, alice, proxy.url)
    page = plain.new_page()
    page.goto(f"{proxy.url}{job.get_absolute_url()}")
    button = page.get_by_role("button", name="Cancel")
    place = middle(button)
    with page.expect_navigation():
        button.click()
    page.mouse.click(*place)
    page.get_by_role("button", name="Retry").click(trial=True)  # waits until it takes clicks
    job.refresh_from_db()
    assert job.status == Status.CANCELLED
    plain.close()

"""What a bar does between two words of the server, frame by frame."""

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from headway.models import Job, Status
from headway.web import formatting
from headway.web.runs import FEWEST
from tests.pages.conftest import MakeJob
from tests.pages.live.watching import Running, percent, watch
from tests.support.proxy import Proxy

pytestmark = pytest.mark.django_db(transaction=True)

NOTE_WIDTHS = """() => {
  window.widths = [];
  const note = () => {
    for (const el of document.querySelectorAll('[data-job]')) {
      const [fill, { job, attempt, status }] = [el.querySelector('.bar-fill'), el.dataset];
      if (!fill) continue; // of a job that has ended a list has only a line
      const width = parseFloat(getComputedStyle(fill).width) / fill.parentElement.clientWidth;
      window.widths.push([`${job} ${attempt}`, 100 * width, status]);
    }
  };
  const frame = () => { note(); requestAnimationFrame(frame); };
  const all = { subtree: true, childList: true, attributes: true };
  new MutationObserver(note).observe(document, all);
  frame();
}"""
SLACK = 0.2
"""Percent of a bar that a browser's rounding may take."""


def falls(page: Page) -> list[Any]:
    """Where the width of an attempt's bar fell from one frame to the next."""
    highest: dict[str, float] = {}
    found = []
    for attempt, width, status in page.evaluate("window.widths"):
        if width < highest.get(attempt, 0) - SLACK:
            found.append((attempt, highest[attempt], width, status))
        highest[attempt] = max(width, highest.get(attempt, 0))
    assert max(highest.values()) > SLACK, "nothing moved"
    return found


@pytest.fixture
def starting(make_job: MakeJob) -> Running:
    """A job that is queued."""
    return Running(make_job(Status.QUEUED))


@pytest.mark.parametrize("list_or_page", ["list", "page"])
def test_no_width_falls_from_before_the_first_percent_to_the_end(
    page: Page, proxy: Proxy, starting: Running, list_or_page: str
) -> None:
    watch(page, proxy.url + (starting.path if list_or_page == "page" else "/"))
    page.evaluate(NOTE_WIDTHS)
    starting.become(Status.RUNNING, attempt=1)
    badge = page.locator(".badge").first
    badge.get_by_text("Running").wait_for()
    starting.move(None, current=3)
    page.wait_for_timeout(400)  # in which the light wanders, as long as nothing is known
    for value in (1, 2, 40):
        starting.move(value)
        percent(page).to_have_text(f"{value}%")
        page.wait_for_timeout(250)
    starting.become(Status.SUCCEEDED, percent=100)
    badge.get_by_text("Succeeded").wait_for()
    page.wait_for_timeout(300)
    assert falls(page) == []


def test_no_width_falls_when_the_server_renders_what_is_older(
    page: Page, proxy: Proxy, running: Running
) -> None:
    """The row of the database is as old as the last renewal of the lease, and knows no percent
    while a phase has no total yet."""
    watch(page, f"{proxy.url}{running.path}")
    page.evaluate(NOTE_WIDTHS)
    running.move(60)
    percent(page).to_have_text("60%")
    page.wait_for_timeout(300)
    for row in ({"percent": 20}, {"percent": None}):
        Job.objects.filter(pk=running.job.pk).update(**row)
        running.move(None, phase="Looking")
        with page.expect_response("**/panel/"):
            page.evaluate(
                "document.querySelector('[data-job]').dispatchEvent(new Event('job:state'))"
            )
        page.wait_for_timeout(300)
    running.become(Status.FAILED, percent=20)
    page.get_by_role("button", name="Retry").wait_for()
    page.wait_for_timeout(300)
    assert falls(page) == []
    percent(page).to_have_text("60%")


def test_what_a_task_says_is_in_the_language_of_the_page(
    page: Page, proxy: Proxy, running: Running
) -> None:
    """From its beginning, and of what comes while it is open."""
    page.set_extra_http_headers({"Accept-Language": "de"})
    running.move(10, message="step 1,201 of 9,000", phase="Phase 1 of 2")
    page.goto(f"{proxy.url}{running.path}")
    message, phase = (page.locator(f"[data-field={name}]") for name in ("message", "phase"))
    expect(message).to_have_text("Schritt 1.201 von 9.000")
    expect(phase).to_have_text("Phase 1 von 2")
    running.move(60, message="step 5,000 of 9,000", phase="Phase 2 of 2")
    expect(message).to_have_text("Schritt 5.000 von 9.000")
    expect(phase).to_have_text("Phase 2 von 2")
    running.move(70, message="a step [of] its own", phase="")
    expect(message).to_have_text("a step [of] its own")


def test_what_a_quiet_job_has_said_of_its_time_left_stays(
    page: Page, proxy: Proxy, running: Running, make_job: MakeJob
) -> None:
    """Although it has taken longer than its kind usually does."""
    for _ in range(FEWEST):
        make_job(Status.SUCCEEDED)
    running.move(50, eta=100_000)
    page.goto(f"{proxy.url}{running.path}")
    left = page.locator("[data-field=left]")
    expect(left).to_contain_text("h")
    elapsed = page.locator("[data-field=elapsed]")
    for _ in range(2):
        expect(elapsed).not_to_have_text(elapsed.inner_text())
    expect(left).to_contain_text("h")


WRITTEN = """async (amounts) => {
  const { count, rate } = await import('/static/headway/live/words.js');
  return amounts.map((each) => [count(each, each.unit), rate(each.current, each.unit)]);
}"""
AMOUNTS: list[dict[str, Any]] = [
    {"current": current, "total": total, "unit": unit}
    for current, total in (
        *((0.0321, None), (512.3, 1024), (9_999.4, 9_999.4), (250_000, 41_000_000)),
        *((34_030_000, 41_000_000), (12_345_678, None), (2e13, 4e13), (0.5, 20_000)),
    )
    for unit in ("", "rows", "B", "bytes", "kB", "MB", "TB")
]


def test_the_scripts_write_amounts_as_the_server_does(
    page: Page, proxy: Proxy, starting: Running
) -> None:
    watch(page, proxy.url + starting.path)
    assert page.evaluate(WRITTEN, AMOUNTS) == [
        [formatting.count(each), formatting.rate(each["current"], each["unit"])] for each in AMOUNTS
    ]

"""The log on an open page is that of the attempt under which it stands."""

import pytest
from playwright.sync_api import Page, expect

from headway.models import Attempt, Status
from tests.pages.live.watching import Running, lines, watch
from tests.support.proxy import Proxy

pytestmark = pytest.mark.django_db(transaction=True)


def fail(running: Running) -> None:
    """Ends the first attempt as its worker would."""
    running.write("said by the first")
    job = running.job
    ended = {"status": Status.FAILED, "finished_at": job.created_at}
    job.attempts.update(lines=[{"level": "info", "text": "said by the first"}], **ended)
    running.become(Status.FAILED, reason="The disk is full.")


def run(running: Running) -> None:
    """Begins the second attempt."""
    running.job.refresh_from_db()
    Attempt.objects.create(job=running.job, number=2, started_at=running.job.created_at)
    running.become(Status.RUNNING, attempt=2)


def test_a_retry_begins_with_an_empty_log(page: Page, proxy: Proxy, running: Running) -> None:
    watch(page, f"{proxy.url}{running.path}")
    fail(running)
    expect(page.get_by_text("The disk is full.")).to_be_visible()
    lines(page).to_have_text(["said by the first"])
    page.get_by_role("button", name="Retry").click()
    expect(page.locator(".panel-head")).to_contain_text("Attempt 2")
    lines(page).to_have_count(0)
    run(running)
    expect(page.locator(".badge").first).to_have_text("Running")
    lines(page).to_have_count(0)
    running.write("said by the second")
    lines(page).to_have_text(["said by the second"])


def test_the_earlier_log_is_read_beside_the_attempt_that_runs(
    page: Page, proxy: Proxy, running: Running
) -> None:
    """Neither the lines of the newest attempt nor its end take its place."""
    fail(running)
    run(running)
    watch(page, f"{proxy.url}{running.path}")
    page.get_by_role("tab", name="Attempts").click()
    page.get_by_role("link", name="Show the log of attempt 1", exact=True).click()
    lines(page).to_have_text(["said by the first"])
    expect(page.locator("[data-chip]")).to_have_text("Live")
    running.write("said by the second")
    running.move(80)
    expect(page.locator("[data-field=percent]")).to_have_text("80%")
    lines(page).to_have_text(["said by the first"])
    running.become(Status.SUCCEEDED)
    expect(page.locator(".badge").first).to_have_text("Succeeded")
    lines(page).to_have_text(["said by the first"])
    page.get_by_role("link", name="Show the newest attempt").click()
    lines(page).to_have_text(["said by the second"])

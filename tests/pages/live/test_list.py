"""A list shows what its filter and its page say, while it is open."""

import pytest
from playwright.sync_api import Page, expect

from headway.models import Job, Status
from headway.web.views.pages import PER_PAGE
from tests.pages.conftest import MakeJob
from tests.pages.live.watching import Running, watch, while_waiting
from tests.support.proxy import Proxy

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_job_that_has_ended_leaves_the_active_ones(
    page: Page, proxy: Proxy, make_job: MakeJob
) -> None:
    first, second = Running(make_job()), Running(make_job(Status.QUEUED))
    watch(page, f"{proxy.url}/?status=active")
    rows = page.locator(".row")
    expect(rows).to_have_count(2)
    first.become(Status.FAILED)
    expect(rows).to_have_count(1)
    expect(rows).to_have_attribute("data-job", str(second.job.pk))
    page.get_by_role("button", name="Cancel").click()
    expect(rows).to_have_count(0)
    expect(page.get_by_text("None of your jobs is in this state")).to_be_visible()
    first.become(Status.QUEUED)
    expect(rows).to_have_attribute("data-job", str(first.job.pk))


def test_a_job_that_fails_comes_to_the_failed_ones(
    page: Page, proxy: Proxy, running: Running
) -> None:
    watch(page, f"{proxy.url}/?status=failed")
    running.move(50)
    running.become(Status.FAILED)
    expect(page.locator(".row")).to_have_attribute("data-job", str(running.job.pk))


def test_a_page_has_as_many_rows_as_a_page_has(page: Page, proxy: Proxy, make_job: MakeJob) -> None:
    """And its pager says how many pages there are now."""
    oldest = Running(make_job())
    watch(page, proxy.url)
    expect(page.locator(".pager")).to_have_count(0)
    newer = [Running(make_job(Status.QUEUED)) for _ in range(31)]
    expect(page.locator(".pager")).to_contain_text("Page 1 of 2")
    rows = page.locator(".row")
    expect(rows).to_have_count(PER_PAGE)
    newest = [str(pk) for pk in Job.objects.values_list("pk", flat=True)[:PER_PAGE]]
    shown = "all => all.map((row) => row.dataset.job)"
    while_waiting(page, lambda: rows.evaluate_all(shown) == newest)
    asked: list[str] = []
    page.on("request", lambda each: asked.append(each.url) if "events" not in each.url else None)
    for value in range(10, 100, 10):  # of a job on another page
        oldest.move(value)
    newer[-1].become(Status.RUNNING, attempt=1)
    expect(rows.first.locator(".badge")).to_have_text("Running")
    assert len([url for url in asked if url.rstrip("/") == proxy.url]) <= 1


def test_a_row_that_leaves_makes_room_for_the_next(
    page: Page, proxy: Proxy, make_job: MakeJob
) -> None:
    jobs = [Running(make_job()) for _ in range(PER_PAGE + 1)]
    watch(page, f"{proxy.url}/?status=active")
    expect(page.locator(f"#row-{jobs[0].job.pk}")).to_have_count(0)
    jobs[-1].become(Status.SUCCEEDED)
    expect(page.locator(f"#row-{jobs[0].job.pk}")).to_have_count(1)
    expect(page.locator(".row")).to_have_count(PER_PAGE)
    expect(page.locator(".pager")).to_have_count(0)

"""A list shows what its filter and its page say, while it is open."""

import re

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Page, expect

from headway.lifecycle.log import log
from headway.models import Job, Status
from headway.web.history import MAX_ACTIVE, PER_PAGE
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
    """And who is at work before who waits."""
    oldest = Running(make_job())
    watch(page, proxy.url)
    expect(page.locator(".more")).to_have_count(0)
    newer = [Running(make_job(Status.QUEUED)) for _ in range(31)]
    expect(page.locator(".more")).to_have_count(1)
    rows = page.locator(".row")
    expect(rows).to_have_count(MAX_ACTIVE)
    newest = [str(pk) for pk in Job.objects.values_list("pk", flat=True)[: MAX_ACTIVE - 1]]
    shown = "all => all.map((row) => row.dataset.job)"
    wanted = [*newest, str(oldest.job.pk)]
    while_waiting(page, lambda: rows.evaluate_all(shown) == wanted)
    asked: list[str] = []
    page.on("request", lambda each: asked.append(each.url) if "events" not in each.url else None)
    for value in range(10, 100, 10):
        oldest.move(value)
    newer[-1].become(Status.RUNNING, attempt=1)
    expect(rows.first.locator(".badge")).to_have_text("Running")
    assert len([url for url in asked if url.rstrip("/") == proxy.url]) <= 1


def test_a_job_that_ends_goes_to_its_day(page: Page, proxy: Proxy, make_job: MakeJob) -> None:
    """And the focus goes with it; one that is tried again comes back up."""
    make_job(Status.SUCCEEDED)
    ending, other = Running(make_job(percent=0, current=0)), Running(make_job())
    watch(page, proxy.url)
    ending.move(97)  # a line has no bar that could stay there
    expect(page.locator(f"#row-{ending.job.pk} [data-field=percent]")).to_have_text("97%")
    page.locator(f"#row-{other.job.pk} h3 a").focus()
    order = "all => all.map((el) => el.dataset.job ?? el.textContent)"
    rows = page.locator(".row, .day")
    other.become(Status.FAILED, reason="The disk is full.")
    moved = page.locator(f".day ~ #row-{other.job.pk}")
    expect(moved).to_contain_text("The disk is full.")
    assert rows.evaluate_all(order)[:3] == [str(ending.job.pk), "Today", str(other.job.pk)]
    assert page.evaluate("document.activeElement.closest('.row').dataset.job") == str(other.job.pk)
    ending.become(Status.SUCCEEDED, result={"rows": 7})
    expect(page.locator(f".day ~ #row-{ending.job.pk}")).to_contain_text("7 rows")
    other.become(Status.QUEUED)
    expect(rows.first).to_have_attribute("data-job", str(other.job.pk))
    expect(page.locator("#statuses")).to_contain_text("Active 1")


def test_a_list_rests_while_somebody_ticks_rows(
    page: Page, proxy: Proxy, make_job: MakeJob
) -> None:
    first = Running(make_job())
    watch(page, proxy.url)
    page.evaluate(
        "document.querySelector('.row').insertAdjacentHTML('beforeend',"
        " '<input type=checkbox name=job id=tick value=1 checked>')"
    )
    second = Running(make_job())
    page.wait_for_timeout(600)
    expect(page.locator(".row")).to_have_count(1)
    page.locator("#tick").uncheck()
    expect(page.locator(".row")).to_have_count(2)
    assert {first.job.pk, second.job.pk} == {*Job.objects.values_list("pk", flat=True)}


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


def test_a_day_of_the_chart_counts_on_and_filters(
    page: Page, proxy: Proxy, make_job: MakeJob
) -> None:
    job = Running(make_job())
    watch(page, proxy.url)
    today = page.locator(".days a").last
    expect(today).to_have_attribute("aria-label", re.compile("1 active"))
    job.become(Status.FAILED)
    expect(today).to_have_attribute("aria-label", re.compile("1 failed"))
    today.click()
    expect(page).to_have_url(re.compile(r"since=(\d{4}-\d\d-\d\d)&until=\1$"))
    expect(page.locator(".row")).to_have_attribute("data-job", str(job.job.pk))


def test_the_page_of_a_kind_goes_on_without_taking_the_focus(
    page: Page, proxy: Proxy, make_job: MakeJob
) -> None:
    first = make_job(Status.SUCCEEDED)
    page.goto(f"{proxy.url}/jobs/kinds/simulate/")
    page.get_by_label("Seconds").fill("7")
    bar = page.locator(f"#run-{first.pk}")
    bar.focus()
    page.locator("#runs-table-summary").click()
    bar.focus()
    make_job(Status.FAILED)
    expect(page.locator("#runs .chart-bars a")).to_have_count(2)
    expect(bar).to_be_focused()
    expect(page.locator("#runs-table")).to_have_attribute("open", "")
    expect(page.get_by_label("Seconds")).to_have_value("7")


def test_the_system_page_goes_on(page: Page, proxy: Proxy, alice: User, make_job: MakeJob) -> None:
    User.objects.filter(pk=alice.pk).update(is_staff=True, is_superuser=True)
    log().alive("worker", "one@here", {"queues": ["celery"], "processes": 2}, 600)
    page.goto(f"{proxy.url}/jobs/system/")
    expect(page.get_by_text("0 of 2 slots busy")).to_be_visible()
    job = make_job(worker="one@here/x/7")
    expect(page.get_by_text("1 of 2 slots busy")).to_be_visible()
    expect(page.locator(f"#now-{job.pk}")).to_have_text("Simulate")

"""What a page says of a click whose answer got lost."""

from datetime import timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import BrowserContext, Page, Route, expect

from headway.models import Job, Status
from tests.pages.conftest import MakeJob
from tests.pages.live.watching import Running, watch
from tests.support.proxy import Proxy

pytestmark = pytest.mark.django_db(transaction=True)
LOST = "The connection was lost. Whether “Simulate” was cancelled will be shown here"


@pytest.mark.parametrize("where", ["list", "job"])
def test_without_a_network_nothing_was_cancelled_and_the_page_says_so_later(
    page: Page, context: BrowserContext, proxy: Proxy, running: Running, where: str
) -> None:
    watch(page, proxy.url if where == "list" else f"{proxy.url}{running.path}")
    context.set_offline(True)
    page.get_by_role("button", name="Cancel").click()
    note = page.locator("[data-notes] .note")
    expect(note).to_contain_text(LOST)
    context.set_offline(False)
    expect(note).to_have_text("“Simulate” was not cancelled: it runs. Try again.")
    assert Job.objects.get().status == Status.RUNNING
    page.get_by_role("button", name="Cancel").click()
    expect(page.locator(".badge").first).to_have_text("Cancelling")
    expect(note).to_have_count(0)


@pytest.mark.parametrize(
    ("begin", "label", "said"),
    [
        (Status.RUNNING, "Cancel", "“Simulate” is being cancelled."),
        (Status.QUEUED, "Cancel", "“Simulate” was cancelled."),
        (Status.FAILED, "Retry", "“Simulate” is queued again."),
    ],
)
def test_an_answer_that_got_lost_is_looked_up(
    page: Page, proxy: Proxy, make_job: MakeJob, begin: Status, label: str, said: str
) -> None:
    job = Running(make_job(begin))
    page.goto(f"{proxy.url}{job.path}")

    def lose(route: Route) -> None:
        route.fetch()
        route.abort()

    page.route("**/jobs/*/*/", lambda route: lose(route) if _is_verb(route) else route.continue_())
    page.get_by_role("button", name=label).click()
    expect(page.locator("[data-notes] .note")).to_have_text(said)
    job.job.refresh_from_db()
    expect(page.locator(".badge").first).to_have_text(str(Status(job.job.status).label))


def test_an_error_of_something_between_is_looked_up_too(
    page: Page, proxy: Proxy, running: Running
) -> None:
    watch(page, f"{proxy.url}{running.path}")
    page.route("**/cancel/", lambda route: route.fulfill(status=502, body="<h1>Bad</h1>"))
    page.get_by_role("button", name="Cancel").click()
    expect(page.locator("[data-notes] .note")).to_have_text(
        "“Simulate” was not cancelled: it runs. Try again."
    )


def test_a_start_whose_answer_got_lost_can_be_repeated(page: Page, proxy: Proxy) -> None:
    page.goto(f"{proxy.url}/jobs/start/simulate/")

    def lose(route: Route) -> None:
        if route.request.method == "POST":
            route.fetch()
            route.abort()
        else:
            route.continue_()

    page.route("**/jobs/start/simulate/", lose)
    page.get_by_role("button", name="Start").click()
    expect(page.locator("[data-notes] .note")).to_contain_text("Press Start again")
    page.unroute("**/jobs/start/simulate/")
    page.get_by_role("button", name="Start").click()
    page.wait_for_url("**/jobs/*-*/")
    assert Job.objects.count() == 1


def _is_verb(route: Route) -> bool:
    return route.request.url.split("/")[-2] in ("cancel", "retry")


@pytest.mark.parametrize("where", ["list", "job"])
@pytest.mark.parametrize(("begin", "label"), [(Status.QUEUED, "Cancel"), (Status.FAILED, "Retry")])
def test_a_click_is_undone(
    page: Page, proxy: Proxy, make_job: MakeJob, begin: Status, label: str, where: str
) -> None:
    job = Running(make_job(begin))
    page.goto(f"{proxy.url}/" if where == "list" else f"{proxy.url}{job.path}")
    badge = page.locator(".badge").first
    page.get_by_role("button", name=label).click()
    undo = page.get_by_role("button", name="Undo Simulate")
    expect(undo).to_be_visible()
    undo.click()
    expect(badge).to_have_text(str(begin.label))
    expect(undo).to_have_count(0)
    job.job.refresh_from_db()
    assert job.job.status == begin


def test_a_job_that_is_cancelled_before_it_said_anything_has_no_lines(
    page: Page, proxy: Proxy, make_job: MakeJob
) -> None:
    job = Running(make_job(Status.QUEUED))
    watch(page, f"{proxy.url}{job.path}")
    empty, tools = page.locator(".log-empty"), page.locator(".log-tools")
    expect(empty).to_have_text("No lines so far.")
    expect(tools).to_be_hidden()
    page.get_by_role("button", name="Cancel").click()
    expect(empty).to_have_text("It never began, so there is no log.")
    page.get_by_role("button", name="Undo Simulate").click()
    expect(empty).to_have_text("No lines so far.")
    job.become(Status.RUNNING, attempt=1, started_at=timezone.now())
    job.write("Begun")
    expect(empty).to_be_hidden()
    expect(tools).to_be_visible()


def test_undo_leaves_the_page_by_itself(page: Page, proxy: Proxy, make_job: MakeJob) -> None:
    job = Running(make_job(Status.CANCELLED, started_at=None, cancel_requested_at=timezone.now()))
    Job.objects.filter(pk=job.job.pk).update(
        undo={"verb": "cancel"}, cancel_requested_at=timezone.now() - timedelta(seconds=8)
    )
    page.goto(f"{proxy.url}{job.path}")
    expect(page.locator(".undo")).to_have_css("visibility", "hidden")

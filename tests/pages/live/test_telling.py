"""Pages that others see by a link, and how a browser tells that a job has ended."""

import pytest
from django.contrib.auth.models import User
from django.utils import timezone
from playwright.sync_api import Browser, BrowserContext, Page, expect

from headway.models import Job, ShareLink, Status
from headway.web import sharing
from tests.pages.conftest import MakeJob
from tests.pages.live.own_kinds import web as web
from tests.pages.live.watching import Running, watch
from tests.support.proxy import Proxy

pytestmark = pytest.mark.django_db(transaction=True)
TOLD = """
document.hasFocus = () => false;
window.told = [];
window.Notification = class {
  static permission = 'default';
  static requestPermission() { this.permission = 'granted'; }
  constructor(title, { body, tag }) { told.push(`${title}: ${body} ${tag}`); }
};
"""


def test_a_stranger_watches_a_job_by_its_link_until_that_is_revoked(
    browser: Browser, page: Page, proxy: Proxy, running: Running
) -> None:
    page.goto(f"{proxy.url}{running.job.get_absolute_url()}")
    page.get_by_text("Share", exact=True).click()
    page.get_by_label("Log, warnings and output").check()
    page.get_by_role("button", name="Make a link").click()
    address = page.get_by_label("Address of the link").input_value()
    context = browser.new_context()
    stranger = context.new_page()
    watch(stranger, address)
    assert "alice" not in stranger.content()
    running.move(62)
    expect(stranger.locator(".percent")).to_have_text("62%")
    page.get_by_role("button", name="Revoke the link made").click()
    expect(page.get_by_label("Address of the link")).to_have_count(0)
    expect(stranger.locator("[data-chip]")).to_have_text("No longer available")
    context.close()


def test_a_stranger_sees_the_end(
    browser: Browser, proxy: Proxy, running: Running, alice: User
) -> None:
    link = sharing.make(running.job, ["result"], 1, alice)
    context = browser.new_context(viewport={"width": 390, "height": 800}, color_scheme="dark")
    stranger = context.new_page()
    watch(stranger, f"{proxy.url}{sharing.address(link)}")
    running.become(Status.SUCCEEDED)
    expect(stranger.locator(".badge")).to_have_text("Succeeded")
    assert stranger.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert ShareLink.objects.get().expires_at > timezone.now()
    context.close()


def test_a_browser_tells_of_the_end_of_a_job_that_it_was_asked_about(
    context: BrowserContext, page: Page, proxy: Proxy, running: Running
) -> None:
    page.add_init_script(TOLD)
    watch(page, f"{proxy.url}{running.job.get_absolute_url()}")
    page.get_by_role("button", name="Tell me when done").click()
    expect(page.get_by_text("You will be told when it is done")).to_be_visible()
    assert page.evaluate("Notification.permission") == "granted"
    assert Job.objects.get().notify
    running.become(Status.FAILED)
    page.wait_for_function("() => told.length")
    assert page.evaluate("told") == [f"Simulate: Failed {running.job.pk}"]
    expect(page.get_by_role("button", name="Do not tell me")).to_be_hidden()


def test_who_watches_a_job_end_is_led_to_its_result(
    context: BrowserContext, page: Page, proxy: Proxy, make_job: MakeJob
) -> None:
    running = Running(make_job(kind="report"))
    watch(page, f"{proxy.url}{running.path}")
    running.become(Status.SUCCEEDED, result={"rows": 5})
    page.wait_for_url("**/jobs/kinds/report/")
    later = context.new_page()  # who looks at it later stays, and has a link
    later.goto(f"{proxy.url}{running.path}")
    expect(later.get_by_role("link", name="Open the result")).to_be_visible()
    assert later.url.endswith(running.path)

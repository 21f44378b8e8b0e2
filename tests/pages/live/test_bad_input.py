"""Browsers and installations that are not as one would like them."""

from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client
from playwright.sync_api import Page, expect

from headway.models import Status
from tests.pages.conftest import MakeJob
from tests.pages.live.watching import Running, watch
from tests.support.proxy import Proxy

pytestmark = pytest.mark.django_db(transaction=True)


def test_nothing_is_wider_than_320_pixels(
    page: Page, proxy: Proxy, running: Running, make_job: MakeJob
) -> None:
    make_job(Status.FAILED, title="W" * 200, reason="x" * 500, params={"path": "p" * 500})
    ended = make_job(Status.SUCCEEDED, result={"a" * 100: "b" * 1000})
    page.set_viewport_size({"width": 320, "height": 640})
    paths = ("/", running.path, ended.get_absolute_url(), "/jobs/start/import-csv/", "/me/")
    wide = {}
    for path in (*paths, "/jobs/kinds/simulate/", "/jobs/causes/"):
        page.goto(f"{proxy.url}{path}")
        wide[path] = page.evaluate("document.documentElement.scrollWidth")
    assert max(wide.values()) <= 320, wide


def test_without_a_stylesheet_all_is_there(page: Page, proxy: Proxy, running: Running) -> None:
    page.route("**/*.css", lambda route: route.abort())
    watch(page, f"{proxy.url}{running.path}")
    running.move(62)
    expect(page.locator(".percent")).to_have_text("62%")
    page.get_by_role("button", name="Cancel").click()
    expect(page.locator(".badge").first).to_have_text("Cancelling")


@pytest.mark.parametrize("hours", [-2, 2])
def test_the_clock_of_a_browser_does_not_matter(
    page: Page, proxy: Proxy, running: Running, hours: int
) -> None:
    page.clock.set_system_time(datetime.now(UTC) + timedelta(hours=hours))
    watch(page, f"{proxy.url}{running.path}")
    running.move(62)
    expect(page.locator(".percent")).to_have_text("62%")
    elapsed = page.locator("[data-field=elapsed]").inner_text()
    assert elapsed.endswith(" s"), elapsed
    page.get_by_text("Details").click()
    expect(page.locator(".pairs time").first).not_to_contain_text("hour")


@pytest.mark.usefixtures("thousand_kinds")
def test_one_of_a_thousand_kinds_is_found(page: Page, proxy: Proxy, alices: Client) -> None:
    body = alices.get("/").content.decode()
    page.route(f"{proxy.url}/", lambda route: route.fulfill(body=body, content_type="text/html"))
    page.goto(f"{proxy.url}/")
    page.get_by_label("Find a kind").fill("work 987")
    expect(page.locator("#kinds li:visible")).to_have_count(1)
    menu = page.locator("#kinds").bounding_box()
    assert menu
    assert menu["height"] < 500

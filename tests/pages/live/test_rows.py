"""How much of the history is seen at once, without scrolling."""

import pytest
from django.contrib.auth.models import User
from django.test import Client
from playwright.sync_api import Browser, Page, ViewportSize, expect

from headway.models import Status
from tests.jobs import kinds as tasks_of_the_tests
from tests.pages.conftest import MakeJob
from tests.support.proxy import Proxy
from tests.support.users import sign_in

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize(("width", "height", "rows"), [(1280, 900, 10), (390, 844, 6)])
def test_the_history_begins_where_it_is_seen(
    page: Page,
    proxy: Proxy,
    alices: Client,
    make_job: MakeJob,
    width: int,
    height: int,
    rows: int,
) -> None:
    """With more than nine kinds to start, three of them recent, as the kinds of these tests are;
    the site's own process, whose styles and scripts these are, has four."""
    assert len(tasks_of_the_tests.__dict__) > 9
    for number in range(20):
        kind = ("simulate", "csv-import", "checksum-archive")[number % 3]
        result = {"rows": 49_877, "rejected": 123} if number % 2 else {}
        make_job(Status.SUCCEEDED, kind=kind, result=result, warning_count=number % 5)
    body = alices.get("/").content.decode()
    page.set_viewport_size({"width": width, "height": height})
    page.route(f"{proxy.url}/", lambda route: route.fulfill(body=body, content_type="text/html"))
    page.goto(f"{proxy.url}/")
    assert page.locator("#kinds li").count() >= 9
    expect(page.locator(".days a")).to_have_count(30)
    expect(page.locator(".row")).to_have_count(20)
    ends = page.locator(".row").evaluate_all(
        "all => all.map((row) => row.getBoundingClientRect().bottom)"
    )
    assert len([end for end in ends if end <= height]) >= rows, ends
    parts = page.locator(".row").evaluate_all(
        "all => all.map((row) => [...row.querySelectorAll('.tick, h3, .said, .took, time, .verbs')]"
        ".map((part) => part.getBoundingClientRect().bottom - row.getBoundingClientRect().bottom))"
    )
    assert max(max(row) for row in parts) <= 0
    for part in ("h3", ".said", "time"):
        edges = page.locator(f".row {part}").evaluate_all(
            "all => [...new Set(all.map((part) => Math.round(part.getBoundingClientRect().left)))]"
        )
        assert len(edges) == 1 or width < 640, f"{part}: columns that begin at {edges}"


PHONE: ViewportSize = {"width": 390, "height": 844}
SMALL = """all => all.filter((el) => el.checkVisibility())
  .filter((el) => el.getBoundingClientRect().height < 39.5).map((el) => el.outerHTML)"""


def test_a_row_on_a_phone_says_whose_job_it_was_and_why_over_its_whole_width(
    page: Page, proxy: Proxy, staffs: Client, make_job: MakeJob
) -> None:
    make_job(Status.FAILED, reason="The bank did not answer in time. Try it again later.")
    make_job(Status.SUCCEEDED, result={"rows": 16_399}, warning_count=3)
    body = staffs.get("/?person=*&sort=longest").content.decode()
    page.set_viewport_size(PHONE)
    page.route(f"{proxy.url}/", lambda route: route.fulfill(body=body, content_type="text/html"))
    page.goto(f"{proxy.url}/")
    failed = page.locator(".line[data-status=failed]")
    for part in ("h3", ".said"):
        edge = failed.locator(part).evaluate("(el) => el.getBoundingClientRect().right")
        assert edge > PHONE["width"] - 48, part
    for row in (failed, page.locator(".line[data-status=succeeded]")):
        expect(row.locator(".owner")).to_be_in_viewport(ratio=1)
    expect(page.locator(".line .warned")).to_be_in_viewport(ratio=1)
    expect(page.locator("#more-filters [name=kind]")).to_be_hidden()
    expect(page.locator("#more-filters-summary .number")).to_have_text("2")
    page.locator("#more-filters-summary").click()
    expect(page.locator("#more-filters [name=kind]")).to_be_visible()
    page.set_viewport_size({"width": 1280, "height": 900})
    page.goto(f"{proxy.url}/")
    expect(page.locator("#more-filters [name=kind]")).to_be_visible()


def test_for_a_finger_all_there_is_to_press_is_40_pixels_high(
    browser: Browser, proxy: Proxy, alices: Client, make_job: MakeJob
) -> None:
    make_job(Status.FAILED, reason="The bank did not answer in time. Try it again later.")
    body = alices.get("/").content.decode()
    with browser.new_context(viewport=PHONE, has_touch=True) as context:
        page = context.new_page()
        page.route(
            f"{proxy.url}/", lambda route: route.fulfill(body=body, content_type="text/html")
        )
        page.goto(f"{proxy.url}/")
        assert page.evaluate("matchMedia('(pointer: coarse)').matches")
        pressed = page.locator(".quiet, .filters a, .tick, .top nav :is(a, button)")
        assert pressed.evaluate_all(SMALL) == []
        search = page.locator(".search [name=text]")
        expect(search).to_have_css("font-size", "16px")  # at less an iPhone zooms in
        expect(page.locator("[data-shortcuts]")).to_be_hidden()


def test_long_texts_leave_room_for_all_columns_of_the_admin(
    page: Page, proxy: Proxy, boss: User, make_job: MakeJob
) -> None:
    make_job(Status.FAILED, title="longest" * 28, reason="It went wrong here. " * 50)
    sign_in(page.context, boss, proxy.url)
    page.goto(f"{proxy.url}/admin/headway/job/")
    row = page.locator("#result_list tbody tr")
    for width in (1280, 1920):
        page.set_viewport_size({"width": width, "height": 1000})
        expect(row.locator(".field-created")).to_be_in_viewport(ratio=1)
    assert row.evaluate("row => row.getBoundingClientRect().height") < 100

"""How much of the history is seen at once, without scrolling."""

import pytest
from django.test import Client
from playwright.sync_api import Page, expect

from headway.models import Status
from tests.jobs import kinds as tasks_of_the_tests
from tests.pages.conftest import MakeJob
from tests.support.proxy import Proxy

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
        make_job(Status.SUCCEEDED, kind=kind, result={"rows": 49_877, "rejected": 123})
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

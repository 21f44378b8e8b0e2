"""How much of the history is seen at once, without scrolling."""

import pytest
from playwright.sync_api import Page, expect

from headway.models import Status
from tests.pages.conftest import MakeJob
from tests.support.proxy import Proxy

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize(("width", "height", "rows"), [(1280, 900, 10), (390, 844, 6)])
def test_the_history_begins_where_it_is_seen(
    page: Page, proxy: Proxy, make_job: MakeJob, width: int, height: int, rows: int
) -> None:
    """With all kinds of this project to start."""
    for _ in range(20):
        make_job(Status.SUCCEEDED, result={"rows": 49_877, "rejected": 123})
    page.set_viewport_size({"width": width, "height": height})
    page.goto(proxy.url)
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

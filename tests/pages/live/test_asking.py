"""Retry of what has effects outside asks in a dialog."""

import pytest
from playwright.sync_api import Page, expect

from headway.models import Status
from tests.pages.conftest import MakeJob
from tests.pages.live.watching import Running
from tests.support.proxy import Proxy

pytestmark = pytest.mark.django_db(transaction=True)


def test_back_leaves_the_job_and_retry_queues_it(
    page: Page, proxy: Proxy, make_job: MakeJob
) -> None:
    job = Running(make_job(Status.FAILED)).job
    page.goto(f"{proxy.url}{job.get_absolute_url()}")
    form = page.locator("form[action$='/retry/']")
    form.evaluate("form => { form.dataset.asks = 'Sends e-mails.'; }")
    form.get_by_role("button").press("Enter")
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("Sends e-mails.")
    dialog.get_by_role("button", name="Back").press("Enter")
    expect(dialog).to_have_count(0)
    job.refresh_from_db()
    assert job.status == Status.FAILED
    form.get_by_role("button").press("Enter")
    dialog.get_by_role("button", name="Retry").press("Enter")
    expect(page.locator(".badge").first).to_have_text("Queued")

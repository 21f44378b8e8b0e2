"""The banner "No worker is running" on pages that are open while a real worker goes and comes."""

import signal

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Page, expect

from headway.models import Status
from tests.pages.conftest import MakeJob
from tests.support.proxy import Proxy
from tests.support.stack import Worker
from tests.support.users import sign_in

pytestmark = pytest.mark.django_db(transaction=True)
WITHIN = 15
"""Seconds in which a page says what is so."""
SLACK = 10
"""For a busy machine."""


def test_it_comes_and_goes_with_the_workers(
    page: Page, proxy: Proxy, worker: Worker, make_job: MakeJob, boss: User
) -> None:
    """Of a worker that hangs nobody takes the note back: it has to run out."""
    worker.start() if not worker.running else None
    worker.wait_for(worker.is_present)
    sign_in(page.context, boss, proxy.url)
    job = make_job(Status.QUEUED, owner=boss, published_at=None)
    pages = [page] + [page.context.new_page() for _ in range(4)]
    paths = ["/", f"/jobs/{job.pk}/", "/jobs/start/simulate/", "/admin/headway/job/"]
    paths.append(f"/admin/headway/job/{job.pk}/change/")
    for tab, path in zip(pages, paths, strict=True):
        tab.goto(f"{proxy.url}{path}")
        expect(tab.locator("#no-worker .note")).to_have_count(0)
    worker.signal_all(signal.SIGSTOP)
    try:
        for tab in pages:
            expect(tab.locator("#no-worker .note")).to_be_visible(timeout=1000 * (WITHIN + SLACK))
    finally:
        worker.signal_all(signal.SIGCONT)
    for tab in pages:
        expect(tab.locator("#no-worker .note")).to_have_count(0, timeout=1000 * (WITHIN + SLACK))

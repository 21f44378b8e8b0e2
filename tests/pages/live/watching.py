"""What tests of live pages need: jobs that they move, tabs that they look at."""

import time
from collections.abc import Callable
from typing import Any

from django.utils import timezone
from playwright.sync_api import Page, expect

from headway.lifecycle.log import feed, log
from headway.lifecycle.snapshots import state
from headway.models import TERMINAL, Job, Status
from headway.stream import Event
from tests.support.patience import PATIENCE

SECONDS = 1000


class Running:
    """A job that the test moves, as a worker would."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self._append(Event("state", state(job)), created=True)

    @property
    def path(self) -> str:
        """Of its page."""
        return self.job.get_absolute_url()

    def write(self, text: str) -> None:
        """Writes a line of log."""
        self.say("log", level="info", text=text)

    def say(self, kind: str, **data: Any) -> None:
        """Appends one event that is no state."""
        about = {"job": str(self.job.pk), "attempt": self.job.attempt}
        self._append(Event(kind, about | data))

    def move(self, percent: float | None, **data: Any) -> None:
        """Reports progress."""
        self.say("progress", status="running", percent=percent, elapsed=5, **data)

    def become(self, status: Status, **fields: Any) -> None:
        """Changes state: the row first, then the event."""
        ended = {"finished_at": timezone.now()} if status in TERMINAL else {}
        Job.objects.filter(pk=self.job.pk).update(status=status, **ended, **fields)
        self.job.refresh_from_db()
        self._append(Event("state", state(self.job), status in TERMINAL))

    def _append(self, event: Event, *, created: bool = False) -> None:
        job = self.job
        owner = feed(job.owner_id)
        log().append(str(job.pk), event, attempt=job.attempt, feed=owner, created=created)


def watch(page: Page, url: str) -> None:
    """Opens a page and waits for its stream."""
    page.goto(url)
    chip(page).to_have_text("Live")


def while_waiting(page: Page, look: Callable[[], bool]) -> None:
    """Waits until `look` is true, while the browser goes on."""
    deadline = time.monotonic() + PATIENCE
    while not look():
        assert time.monotonic() < deadline, f"waited {PATIENCE} s in vain"
        page.wait_for_timeout(50)


def chip(page: Page) -> Any:
    """What the page says of its stream."""
    return expect(page.locator("[data-chip]"))


def lines(page: Page) -> Any:
    """The log on a job's page."""
    return expect(page.locator("[data-lines] li"))


def percent(page: Page) -> Any:
    """What the bar of the page says."""
    return expect(page.locator("[data-field=percent]"))

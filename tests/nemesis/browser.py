"""Pages in a real browser, which somebody has left open for the whole run."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar

from django.conf import settings
from playwright.sync_api import BrowserContext, ConsoleMessage, Page, sync_playwright

from tests.conftest import CHROMIUM, CHROMIUM_ARGUMENTS

T = TypeVar("T")
Shown = dict[str, tuple[str, int]]
"""Of each job on a page: its status and its attempt."""

NOTE_STEPS_BACK = """
window.wentBack = [];
new MutationObserver((changes) => {
  for (const { target, oldValue } of changes) {
    const { job, attempt, percent } = target.dataset;
    if (oldValue && Number(percent) < Number(oldValue))
      window.wentBack.push(`the bar of attempt ${attempt} of ${job}: ${oldValue} to ${percent}`);
  }
}).observe(document, { subtree: true, attributeFilter: ['data-percent'], attributeOldValue: true });
"""
LOOK = """() => [...document.querySelectorAll('[data-job]')]
  .map(({ dataset: { job, status, attempt } }) => [job, status, Number(attempt)])"""

RETRY = """() => document.querySelector('[data-record]')
  && document.querySelector('form[action$="/retry/"] button')?.click()"""


def is_here() -> bool:
    """Whether there is a browser; in CI there must be."""
    if os.environ.get("CI") == "true" and not CHROMIUM.exists():
        raise SystemExit(f"{CHROMIUM} is missing: apt-get install {CHROMIUM.name}")
    return CHROMIUM.exists()


@dataclass(frozen=True)
class Tab:
    """An open page: of one job, or the newest of its owner's, as many as a page has."""

    owner: str
    path: str
    job: str | None
    page: Page


class Browser:
    """Chromium, with a profile for each of its users. Playwright speaks to it in one thread only,
    whose event loop is not in the way of the database there."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._thread = ThreadPoolExecutor(1, "browser")
        self._profiles: dict[str, BrowserContext] = {}
        self.tabs: list[Tab] = []
        self.errors: list[str] = []
        """What scripts have thrown."""
        self._do(self._launch)

    def open(self, owner: str, session: str, path: str, job: str | None = None) -> None:
        """Opens another tab of a user, with the page of one job or with the list."""
        page = self._do(lambda: self._open(session, path))
        self.tabs.append(Tab(owner, path, job, page))

    def shown(self, tab: Tab) -> Shown:
        """What is to be seen in a tab."""
        rows = self._do(lambda: tab.page.evaluate(LOOK))
        return {job: (status, attempt) for job, status, attempt in rows}

    def retry(self) -> None:
        """Presses the button of jobs that have ended, whose pages follow nothing until then."""
        self._do(lambda: [tab.page.evaluate(RETRY) for tab in self.tabs])

    def steps_back(self) -> list[str]:
        """Of bars that stayed on their pages."""

        def ask() -> list[str]:
            return [each for tab in self.tabs for each in tab.page.evaluate("window.wentBack")]

        return self._do(ask)

    def close(self) -> None:
        """Ends it."""
        self._do(self._chromium.close)
        self._do(self._playwright.stop)
        self._thread.shutdown()

    def _do(self, work: Callable[[], T]) -> T:
        return self._thread.submit(work).result()

    def _launch(self) -> None:
        self._playwright = sync_playwright().start()
        self._chromium = self._playwright.chromium.launch(
            executable_path=str(CHROMIUM), args=CHROMIUM_ARGUMENTS
        )

    def _open(self, session: str, path: str) -> Page:
        if session not in self._profiles:
            self._profiles[session] = self._profile(session)
        page = self._profiles[session].new_page()
        page.goto(f"{self._url}{path}")
        return page

    def _profile(self, session: str) -> BrowserContext:
        profile = self._chromium.new_context(reduced_motion="reduce")  # what moves is drawn
        cookie: Any = {"name": settings.SESSION_COOKIE_NAME, "value": session, "url": self._url}
        profile.add_cookies([cookie])
        profile.add_init_script(NOTE_STEPS_BACK)
        profile.on("console", self._listen)
        profile.on("weberror", lambda error: self.errors.append(str(error.error)))
        return profile

    def _listen(self, message: ConsoleMessage) -> None:
        if "Content Security Policy" in message.text or "Uncaught" in message.text:
            self.errors.append(message.text)

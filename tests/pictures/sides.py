"""A browser that looks at one of the two sites of tests/pictures/pairs.py."""

import io
import sys
from collections.abc import Mapping, Sequence
from functools import partial

from PIL import Image
from playwright.sync_api import Browser, BrowserContext, Error, Page, Route

from headway.models import HELD
from headway.stream import Event, Log
from jobs.demo import scenes
from jobs.demo.rows import Rows, identity
from tests.clicks.data import PASSWORD
from tests.pictures.album import ADA, NOBODY
from tests.pictures.then import Pair
from tests.support.patience import PATIENCE
from tests.support.processes import wait_until
from tests.support.stack import Web

HEIGHTS = {1280: 900, 1920: 1080, 390: 844}
"""Of windows, by their widths."""
APPS = {"before": "jobs", "today": "headway"}
"""What the app is called that has the jobs, on both sides."""
KNOWN = {story.name: str(identity(story)) for story in scenes.all_states()}
Pictures = dict[str, Image.Image]


class Side:
    """At one width and in one scheme; `shown` are pages of faults, by their status."""

    def __init__(
        self, browser: Browser, side: str, width: int, scheme: str, shown: Mapping[str, str]
    ) -> None:
        self.browser, self.side, self.width, self.scheme = browser, side, width, scheme
        self.shown, self.url = shown, ""
        self._contexts: dict[tuple[str, bool], BrowserContext] = {}

    def photograph(self, pairs: Mapping[str, Pair], moving: Sequence[Rows], log: Log) -> Pictures:
        """Each page, whole; before each what moves says so again, but for one job."""
        taken = {}
        for name, pair in pairs.items():
            for each in moving:
                if each.job.status in HELD and str(each.job.pk) != KNOWN["stalled"]:
                    newest = each.attempts[-1]
                    event = Event("progress", newest.progress)
                    log.append(str(each.job.pk), event, attempt=newest.number)
            taken[name] = self._look(name, pair)
        return taken

    def cut_off(self, pairs: Mapping[str, Pair], web: Web) -> Pictures:
        """Pages that are open when the web process dies."""
        pages = {}
        for name, pair in pairs.items():
            pages[name] = self._context(pair.who, pair.scripts).new_page()
            pages[name].goto(self.url + pair.path.format(**KNOWN))
            pages[name].locator("[data-chip=live]").wait_for()
        if pairs:
            web.kill()
        for name, pair in pairs.items():
            pair.deed(pages[name])
        return {name: _seen(page) for name, page in pages.items()}

    def close(self) -> None:
        """All windows."""
        for context in self._contexts.values():
            context.close()
        self._contexts.clear()

    def await_worker(self) -> None:
        """The earlier pages do not ask again whether there is one."""
        page = self._context(ADA, scripts=True).new_page()
        page.goto(self.url)
        wait_until(partial(has_worker, page))
        page.close()

    def _look(self, name: str, pair: Pair) -> Image.Image:
        context = self._context(pair.who, pair.scripts)
        kept, page = context.storage_state(), context.new_page()
        path, deed = pair.on(self.side)
        try:
            page.goto(self.url + path.format(app=APPS[self.side], **KNOWN))
            deed(page)
        except Error as error:
            sys.stdout.write(f"{name} {self.side}: {str(error).splitlines()[0]}\n")
        page.wait_for_timeout(500)  # until what is live has been told
        picture = _seen(page)
        page.close()
        if not context.cookies() and kept["cookies"]:  # of somebody who has signed out
            self._contexts.pop((pair.who, pair.scripts)).close()
        return picture

    def _context(self, who: str, scripts: bool) -> BrowserContext:
        """Of somebody who has signed in by the form, which both sites have."""
        if known := self._contexts.get((who, scripts)):
            return known
        context = self.browser.new_context(
            viewport={"width": self.width, "height": HEIGHTS[self.width]},
            color_scheme="dark" if self.scheme == "dark" else "light",
            reduced_motion="reduce",
            java_script_enabled=scripts,
            storage_state=None if scripts else self._context(who, scripts=True).storage_state(),
        )
        context.set_default_timeout(PATIENCE * 500)
        context.route("**/shown/*/", self._show)
        self._contexts[who, scripts] = context
        if who != NOBODY and scripts:
            page = context.new_page()
            sign_in(page, self.url, who)
            page.close()
        return context

    def _show(self, route: Route) -> None:
        status = route.request.url.rstrip("/").rpartition("/")[2]
        route.fulfill(body=self.shown[status], content_type="text/html")


def _seen(page: Page) -> Image.Image:
    return Image.open(io.BytesIO(page.screenshot(full_page=True))).convert("RGB")


def sign_in(page: Page, url: str, who: str = ADA) -> None:
    """By the form."""
    page.goto(f"{url}/sign-in/")
    page.get_by_label("Username").fill(who)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.locator("[data-chip=live]").wait_for()


def has_worker(page: Page) -> bool:
    """Whether the page no longer says that there is none."""
    page.reload()
    return page.get_by_text("No worker is running").count() == 0

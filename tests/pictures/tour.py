"""`python -m tests.pictures.tour [FILE]`: a minute on the site as an animated picture, from the
screens of a browser in which things are really clicked, with what is to be seen below them."""

import io
import sys
from pathlib import Path

import django
from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

from tests.support import environment as environment  # a data directory of its own
from tests.support.pages import ROOT

django.setup()

from django.core.management import call_command  # noqa: E402 - models need the settings

from jobs.demo import stage  # noqa: E402
from tests.conftest import CHROMIUM, CHROMIUM_ARGUMENTS  # noqa: E402
from tests.support.patience import PATIENCE  # noqa: E402
from tests.support.stack import Janitor, Valkey, Web, Worker  # noqa: E402
from tests.support.users import make_user, sign_in  # noqa: E402

WIDTH, HEIGHT = 1280, 800
FRAME = 500
"""Milliseconds between two screens while something moves."""
STYLE = """position: fixed; inset: auto 0 0 0; z-index: 99; margin: 0; padding: .7rem 1.2rem;
background: #14161a; color: #fff; font: 600 1.05rem/1.4 sans-serif; text-align: center"""
SAY = """([text, style]) => {
  const line = document.getElementById('tour') || document.createElement('p');
  document.body.append(line);
  line.id = 'tour'; line.style.cssText = style; line.textContent = text;
}"""


class Tour:
    """Screens, and how long each is shown."""

    def __init__(self, page: Page) -> None:
        self.page, self.text = page, ""
        self.screens: list[Image.Image] = []
        self.times: list[int] = []

    def shows(self, text: str, seconds: float) -> None:
        """A page that stands still, with a sentence about it."""
        self.text = text
        self._add(round(seconds * 1000))

    def follows(self, text: str, seconds: float) -> None:
        """A page that moves."""
        self.text = text
        for _ in range(round(seconds * 1000 / FRAME)):
            self._add(FRAME)
            self.page.wait_for_timeout(FRAME)

    def _add(self, milliseconds: int) -> None:
        self.page.evaluate(SAY, [self.text, STYLE])
        self.screens.append(Image.open(io.BytesIO(self.page.screenshot())).convert("RGB"))
        self.times.append(milliseconds)

    def save(self, path: Path) -> None:
        """All as one picture that begins again at its end."""
        first, *others = self.screens
        first.save(
            path,
            save_all=True,
            append_images=others,
            duration=self.times,
            loop=0,
            quality=60,
            method=4,
            minimize_size=True,
        )


def walk(tour: Tour, web: Web) -> None:
    """What is shown."""
    page = tour.page
    page.goto(web.url)
    page.locator("[data-chip=live]").wait_for()
    tour.follows("All that runs, and below it all that ever ran.", 4)
    page.locator("#start-summary").click()
    tour.shows("Any function with @job_task can be started here.", 2.5)
    page.locator("#kinds a", has_text="Simulate").click()
    page.get_by_label("Seconds").fill("90")
    page.get_by_label("Phases").fill("3")
    tour.shows("Its form comes from its signature.", 2.5)
    page.get_by_role("button", name="Start", exact=True).click()
    page.locator("[data-status=running]").first.wait_for()
    tour.follows("Progress is live: percent, speed, time left, phases, log.", 7)
    page.reload()
    page.locator("[data-chip=live]").wait_for()
    tour.follows("Reload the page: the bar is where it was.", 3)
    web.kill()
    tour.follows("Kill the web server ...", 4)
    web.start()
    tour.follows("... the page catches up by itself, and nothing was lost.", 5)
    page.locator("[data-status=succeeded] .badge").first.wait_for(timeout=2000 * PATIENCE)
    tour.shows("100% means that it has succeeded.", 3)
    page.goto(web.url)
    page.locator("[data-chip=live]").wait_for()
    tour.follows("The list was live all the time.", 2)
    page.locator("#statuses").get_by_role("link", name="Ended badly").click()
    page.locator("[data-chip=live]").wait_for()
    tour.shows("Every question is an address; each line says why.", 3.5)
    page.locator(".row", has_text="orders-q1.csv").get_by_role("link").click()
    page.locator("[data-chip=live], .failure").first.wait_for()
    tour.shows("Failed: why, how far, and what to do about it.", 3.5)
    page.get_by_role("link", name="Fix and start again").click()
    tour.shows("Fix and start again: same values, same file.", 3)
    page.goto(web.url)
    page.locator(".row", has_text="orders-q2.csv").get_by_role("link").click()
    page.locator("#to-warnings").click()
    tour.shows("What went wrong within a job that succeeded, by reason.", 3.5)
    page.locator(".crumb a").last.click()
    tour.shows("How long such a job takes, and what fails most.", 3.5)
    page.goto(f"{web.url}/admin/headway/job/")
    tour.follows("And all of it in the Django admin.", 4)


def photograph(browser: Browser, web: Web, path: Path) -> None:
    """As a member of staff, with the jobs of the demo."""
    ada = make_user("ada", staff=True)
    stage.make()
    context = browser.new_context(viewport={"width": WIDTH, "height": HEIGHT})
    context.set_default_timeout(PATIENCE * 1000)
    sign_in(context, ada, web.url)
    tour = Tour(context.new_page())
    walk(tour, web)
    tour.save(path)
    size, seconds = path.stat().st_size, sum(tour.times) / 1000
    sys.stdout.write(f"{path}: {size:,} bytes, {seconds:.0f} s, {len(tour.times)} screens\n")


def main() -> None:
    """Over a data directory of its own."""
    path = Path(sys.argv[1]) if sys.argv[1:] else ROOT / "docs/pictures/tour.webp"
    call_command("migrate", verbosity=0)
    processes = [Valkey(), Worker(WORKERS="3"), Janitor(), web := Web()]
    try:
        for process in processes:
            process.start()
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(
                executable_path=str(CHROMIUM), args=CHROMIUM_ARGUMENTS
            )
            photograph(browser, web, path)
            browser.close()
    finally:
        for process in reversed(processes):
            process.kill()


if __name__ == "__main__":
    main()

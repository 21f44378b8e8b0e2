"""Runs the site with the demo, and photographs pages and template tags for the docs, light and
dark: `python -m tests.pictures`. With a language and a folder for pictures to look at, every page
and state; with names of those (tests/pictures/album.py), them alone."""

import base64
import os
import sys
from pathlib import Path
from typing import Literal

import django
from playwright.sync_api import Browser, Page, ViewportSize, sync_playwright

from tests.support import environment as environment  # a data directory of its own
from tests.support.pages import ROOT, code

django.setup()

from django.contrib.auth.models import User  # noqa: E402 - models need the settings
from django.core.management import call_command  # noqa: E402
from django.template import Context, Template  # noqa: E402

from headway import Job  # noqa: E402
from jobs.demo import scenes, stage  # noqa: E402
from jobs.demo.rows import identity  # noqa: E402
from tests.conftest import CHROMIUM, CHROMIUM_ARGUMENTS  # noqa: E402
from tests.pictures.extras import STALLED  # noqa: E402
from tests.pictures.tasks import work  # noqa: E402
from tests.pictures.viewing import photograph_all  # noqa: E402
from tests.support.patience import PATIENCE  # noqa: E402
from tests.support.processes import wait_until  # noqa: E402
from tests.support.stack import PROCFILE, Janitor, Valkey, Web, Worker  # noqa: E402
from tests.support.users import make_user, sign_in  # noqa: E402

Scheme = Literal["light", "dark"]
SCHEMES: tuple[Scheme, ...] = ("light", "dark")
SHOP = Template((Path(__file__).parent / "shop.html").read_text())
HEIGHTS = {"bars": 330, "element": 180, "tray": 420, "theme": 420}
SITE = {"list": ("/", 1240, 1000), "job": ("running", 1200, 860), "failed": ("failed", 1200, 860)}
"""Path, or name of a job of the demo, and the size of the window."""
SMALLER = """async ([png, quality]) => {
  const picture = await createImageBitmap(await (await fetch(png)).blob());
  const canvas = document.createElement('canvas');
  [canvas.width, canvas.height] = [picture.width, picture.height];
  canvas.getContext('2d').drawImage(picture, 0, 0);
  return canvas.toDataURL('image/webp', quality);
}"""
"""What a browser makes of a picture: a third of its bytes."""
QUALITY = 0.8


class Picturing:
    """A browser in which one person is signed in at the site, or at a shop that has its app."""

    def __init__(self, browser: Browser, user: User, url: str, folder: Path) -> None:
        self.browser, self.user, self.url, self.folder = browser, user, url, folder
        self.blank = browser.new_page()

    def open(self, viewport: ViewportSize, scheme: Scheme, locale: str = "en") -> Page:
        """An empty page, sharp; its context is to be closed."""
        context = self.browser.new_context(
            viewport=viewport,
            device_scale_factor=1.5,
            reduced_motion="reduce",
            color_scheme=scheme,
            locale=locale,
        )
        context.set_default_timeout(PATIENCE * 1000)
        sign_in(context, self.user, self.url)
        return context.new_page()

    def keep(self, page: Page, name: str, scheme: Scheme) -> None:
        """Photographs a page once speeds and times left are there, and closes it."""
        page.wait_for_timeout(1500)
        png = base64.b64encode(page.screenshot()).decode()
        page.context.close()
        said = self.blank.evaluate(SMALLER, [f"data:image/png;base64,{png}", QUALITY])
        suffix = "" if scheme == "light" else "-dark"
        path = self.folder / f"{name}{suffix}.webp"
        path.write_bytes(base64.b64decode(said.partition(",")[2]))

    def site(self, path: str, name: str, viewport: ViewportSize) -> None:
        """A page of the site, once it is live."""
        for scheme in SCHEMES:
            page = self.open(viewport, scheme)
            page.goto(self.url + path)
            page.locator("[data-chip=live], .failure").first.wait_for()
            self.keep(page, name, scheme)

    def shop(self, shows: str, heading: str, jobs: dict[str, Job], style: str = "") -> None:
        """A page of a shop, with bars that have moved since they were rendered."""
        values = {"user": self.user, "shows": shows, "heading": heading, "style": style, **jobs}
        html = SHOP.render(Context(values))
        for scheme in SCHEMES:
            page = self.open({"width": 640, "height": HEIGHTS[shows]}, scheme)
            page.route("**/shop/", lambda route: route.fulfill(body=html, content_type="text/html"))
            page.goto(f"{self.url}/shop/")
            page.locator("[data-status=running]").first.wait_for()
            self.keep(page, shows, scheme)


def running(title: str, percent: float, message: str, owner: User) -> Job:
    """A job of a shop that has come so far."""
    job = work.start(percent=percent, message=message, title=title, owner=owner)
    wait_until(lambda: Job.objects.get(pk=job.pk).status == "running")
    return job


def of_the_site(take: Picturing) -> None:
    """My jobs, and the pages of some; soon after the demo was made, before its jobs stall."""
    known = {each.name: f"/jobs/{identity(each)}/" for each in scenes.all_states()}
    for name, (path, width, height) in SITE.items():
        take.site(known.get(path, path), name, {"width": width, "height": height})


def of_the_tags(take: Picturing) -> None:
    """Each tag in a page of a shop, and all of them in the colours of docs/installing.md."""
    jobs = {
        "index": running("Rebuild the index", 42, "Reading pages", take.user),
        "february": running("Send invoices", 88, "Sending", take.user),
        "march": running("Send invoices", 17, "Sending", take.user),
    }
    take.shop("bars", "Report", jobs)
    take.shop("element", "A page that no Django template renders", jobs)
    take.shop("tray", "Orders", jobs)
    take.shop("theme", "Themed", jobs, code("docs/installing.md", "--headway-running:"))


def photograph(browser: Browser, url: str, arguments: list[str]) -> None:
    """The pictures of the docs; or, with a language and a folder, all there is to see."""
    ada = make_user("ada", staff=True)
    if arguments:
        stage.make()
        photograph_all(browser, url, arguments[0], Path(arguments[1]), arguments[2:])
        return
    folder = ROOT / "docs/pictures"
    of_the_tags(Picturing(browser, make_user("ann"), url, folder))
    stage.make()
    of_the_site(Picturing(browser, ada, url, folder))


def main() -> None:
    """Everything, over a data directory of its own."""
    call_command("migrate", verbosity=0)
    worker = Worker(WORKERS="4")
    worker.command = ["/bin/sh", "-c", f"{PROCFILE['worker']} --include {work.__module__}"]
    # What waits and what runs does so for as long as all is looked at
    calm = {"JANITOR_EVERY": "3600", "JOB_STALLED_AFTER": str(STALLED)} if sys.argv[1:] else {}
    processes = [Valkey(), worker, Janitor(**calm), web := Web(**calm)]
    try:
        for process in processes:
            process.start()
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(
                executable_path=str(CHROMIUM), args=CHROMIUM_ARGUMENTS
            )
            photograph(browser, web.url, sys.argv[1:])
            browser.close()
    finally:
        for process in reversed(processes):
            process.kill()


if __name__ == "__main__":
    os.chdir(ROOT)
    main()

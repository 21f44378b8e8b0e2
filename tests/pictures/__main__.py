"""Runs the site with jobs of every sort, and photographs pages and template tags for the docs."""

import io
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import django
from playwright.sync_api import Browser, BrowserContext, Page, ViewportSize, sync_playwright

from tests.support.environment import DATA_DIR
from tests.support.pages import ROOT, code

django.setup()

from django.contrib.auth.models import User  # noqa: E402 - models need the settings
from django.core.files.uploadedfile import SimpleUploadedFile  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.template import Context, Template  # noqa: E402

import headway  # noqa: E402
from headway import Job  # noqa: E402
from headway.lifecycle import actions  # noqa: E402
from tests.conftest import CHROMIUM, CHROMIUM_ARGUMENTS  # noqa: E402
from tests.pictures.tasks import work  # noqa: E402
from tests.support.patience import PATIENCE  # noqa: E402
from tests.support.processes import wait_until  # noqa: E402
from tests.support.stack import PROCFILE, Janitor, Valkey, Web, Worker  # noqa: E402
from tests.support.users import make_user, sign_in  # noqa: E402

PICTURES = ROOT / "docs/pictures"
SHOP = Template((Path(__file__).parent / "shop.html").read_text())
HEIGHTS = {"bars": 330, "element": 180, "tray": 420, "theme": 420}


class Picturing:
    """A browser in which one person is signed in at the site, or at a shop that has its app."""

    def __init__(self, browser: Browser, user: User, url: str) -> None:
        self.browser, self.user, self.url = browser, user, url

    @contextmanager
    def page(self, viewport: ViewportSize) -> Iterator[Page]:
        """An empty page, sharp, and closed in the end."""
        context: BrowserContext = self.browser.new_context(
            viewport=viewport, device_scale_factor=1.5, reduced_motion="reduce"
        )
        context.set_default_timeout(PATIENCE * 1000)
        sign_in(context, self.user, self.url)
        yield context.new_page()
        context.close()

    def site(self, path: str, name: Path, viewport: ViewportSize) -> None:
        """A page of the site, once it is live."""
        with self.page(viewport) as page:
            page.goto(self.url + path)
            page.get_by_text("Live", exact=True).wait_for()
            page.wait_for_timeout(1500)  # so that speeds and times left are there
            page.screenshot(path=name)

    def shop(self, shows: str, heading: str, jobs: dict[str, Job], style: str = "") -> None:
        """A page of a shop, with bars that have moved since they were rendered."""
        values = {"user": self.user, "shows": shows, "heading": heading, "style": style, **jobs}
        html = SHOP.render(Context(values))
        with self.page({"width": 640, "height": HEIGHTS[shows]}) as page:
            page.route("**/shop/", lambda route: route.fulfill(body=html, content_type="text/html"))
            page.goto(f"{self.url}/shop/")
            page.locator("[data-status=running]").first.wait_for()
            page.wait_for_timeout(1500)
            page.screenshot(path=PICTURES / f"{shows}.png")


def table(name: str, rows: int, wrong: int = 0) -> SimpleUploadedFile:
    """A CSV file with some rows that do not fit."""
    text = io.StringIO()
    text.write("name,age\n")
    for row in range(rows):
        text.write("Bob\n" if row < wrong else f"Ann {row},{20 + row % 60}\n")
    return SimpleUploadedFile(name, text.getvalue().encode())


def running(title: str, percent: float, message: str, owner: User) -> Job:
    """A job of a shop that has come so far."""
    job = work.start(percent=percent, message=message, title=title, owner=owner)
    wait_until(lambda: Job.objects.get(pk=job.pk).status == "running")
    return job


def of_the_site(take: Picturing) -> None:
    """My jobs, and the page of one."""
    ada = take.user
    ended = [
        actions.start("checksum-archive", {"file": archive()}, owner=ada),
        actions.start("simulate", {"seconds": 3, "steps": 60, "fail_at": 60}, owner=ada),
        actions.start("import-csv", {"file": table("orders-q3.csv", 9000, 30)}, owner=ada),
    ]
    for job in ended:
        headway.wait(job, timeout=PATIENCE)
    actions.start("simulate", {"seconds": 100, "steps": 4000, "phases": 2}, owner=ada)
    actions.start("simulate", {"seconds": 60, "steps": 700, "unknown_total": True}, owner=ada)
    shown = actions.start("simulate", {"seconds": 100, "steps": 200, "phases": 2}, owner=ada)
    actions.start("import-csv", {"file": table("customers-all.csv", 600_000)}, owner=ada)
    wait_until(lambda: Job.objects.filter(owner=ada, status="running").count() == 4)
    take.site("/", ROOT / "docs/screenshot.png", {"width": 1080, "height": 1100})
    wait_until(lambda: (Job.objects.get(pk=shown.pk).percent or 0) > 30)
    take.site(shown.get_absolute_url(), PICTURES / "job.png", {"width": 1000, "height": 760})


def archive() -> SimpleUploadedFile:
    """A small archive with a file in it."""
    made = shutil.make_archive(str(DATA_DIR / "photos-2025"), "zip", ROOT / "docs", "adr")
    return SimpleUploadedFile("photos-2025.zip", Path(made).read_bytes())


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


def main() -> None:
    """Everything, over a data directory of its own."""
    PICTURES.mkdir(exist_ok=True)
    call_command("migrate", verbosity=0)
    worker = Worker(WORKERS="8")
    worker.command = ["/bin/sh", "-c", f"{PROCFILE['worker']} --include {work.__module__}"]
    processes = [Valkey(), worker, Janitor(), web := Web()]
    try:
        for process in processes:
            process.start()
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(
                executable_path=str(CHROMIUM), args=CHROMIUM_ARGUMENTS
            )
            of_the_tags(Picturing(browser, make_user("ann"), web.url))
            of_the_site(Picturing(browser, make_user("ada", staff=True), web.url))
            browser.close()
    finally:
        for process in reversed(processes):
            process.kill()
        shutil.rmtree(DATA_DIR)


if __name__ == "__main__":
    os.chdir(ROOT)
    main()

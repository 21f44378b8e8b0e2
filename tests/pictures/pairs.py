"""`python -m tests.pictures.pairs CHECKOUT`: the same pages of an earlier checkout and of this one,
with the same jobs, for docs/before-and-after.md."""

import io
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import django
from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

from tests.support import environment as environment  # a data directory of its own
from tests.support.pages import ROOT

django.setup()

from tests.clicks.data import PASSWORD  # noqa: E402 - models need the settings
from tests.clicks.site import site  # noqa: E402
from tests.conftest import CHROMIUM, CHROMIUM_ARGUMENTS  # noqa: E402
from tests.support.patience import PATIENCE  # noqa: E402
from tests.support.processes import wait_until  # noqa: E402
from tests.support.stack import Valkey  # noqa: E402

DESK, PHONE = (1280, 900), (390, 844)
PAIRS = {
    "list": ("/", DESK),
    "list-phone": ("/", PHONE),
    "running": ("customers-all.csv", DESK),
    "failed": ("orders-q1.csv", DESK),
    "warned": ("orders-q2.csv", DESK),
    "start": ("/jobs/start/import-csv/", DESK),
    "failed-phone": ("orders-q1.csv", PHONE),
    "admin": ("/admin/{app}/job/", DESK),
}
"""A path, or what stands in the row of a job, and the size of the window."""
QUALITY = 70


def sign_in(page: Page, url: str) -> None:
    """As the superuser, by the form, which both have."""
    page.goto(f"{url}/sign-in/")
    page.get_by_label("Username").fill("ada")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.locator("[data-chip=live]").wait_for()


def has_worker(page: Page) -> bool:
    """Whether the page no longer says that there is none; the earlier one does not ask again."""
    page.reload()
    return page.get_by_text("No worker is running").count() == 0


def photograph(browser: Browser, url: str, app: str, side: str, folder: Path) -> None:
    """Each page, as it is seen before anybody scrolls."""
    for name, (where, (width, height)) in PAIRS.items():
        context = browser.new_context(
            viewport={"width": width, "height": height}, reduced_motion="reduce"
        )
        context.set_default_timeout(PATIENCE * 1000)
        page = context.new_page()
        sign_in(page, url)
        wait_until(partial(has_worker, page))
        if where.startswith("/"):
            page.goto(url + where.format(app=app))
        else:
            page.locator(".row", has_text=where).get_by_role("link").first.click()
            page.locator(".panel").first.wait_for()
        page.wait_for_timeout(1500)  # until speeds and times left are there
        picture = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
        picture.save(folder / f"{side}-{name}.webp", quality=QUALITY, method=6)
        context.close()


@contextmanager
def stage() -> Iterator[tuple[Browser, Valkey]]:
    """A browser, and what the sites that it visits keep their live progress in."""
    valkey = Valkey()
    valkey.start()
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(
                executable_path=str(CHROMIUM), args=CHROMIUM_ARGUMENTS
            )
            yield browser, valkey
            browser.close()
    finally:
        valkey.kill()


def main() -> None:
    """Both, one after the other."""
    folder = ROOT / "docs/pictures/pairs"
    folder.mkdir(exist_ok=True)
    earlier = Path(sys.argv[1]).resolve()
    with stage() as (browser, valkey):
        for side, checkout, app in (("before", earlier, "jobs"), ("today", ROOT, "headway")):
            with site(checkout, valkey, stalled_after=600) as url:
                photograph(browser, url, app, side, folder)
    size = sum(path.stat().st_size for path in folder.iterdir())
    sys.stdout.write(f"{folder}: {size:,} bytes\n")


if __name__ == "__main__":
    main()

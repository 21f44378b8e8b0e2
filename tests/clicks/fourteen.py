"""`python -m tests.clicks.fourteen`: what pages are for, point by point, done in Chromium on the
demo's jobs, with JavaScript and without. Prints a line for each; ends with 1 where one fails."""

import sys
import time

import django
from playwright.sync_api import Browser, Error, expect

from tests.support import environment as environment  # a data directory of its own
from tests.support.pages import ROOT

django.setup()

from tests.clicks import points  # noqa: E402 - models need the settings
from tests.clicks.site import site  # noqa: E402
from tests.pictures.pairs import stage  # noqa: E402
from tests.support.patience import PATIENCE  # noqa: E402


def go_through(browser: Browser, url: str, wanted: set[int], *, scripts: bool) -> int:
    """All of them as one person; returns how many failed."""
    failed = 0
    for number, (name, point) in points.POINTS.items():
        if wanted and number not in wanted:
            continue
        context = browser.new_context(
            base_url=url, viewport=points.SIZE, java_script_enabled=scripts
        )
        context.set_default_timeout(PATIENCE * 1000)
        page = context.new_page()
        points.signed_in(page, "ada")
        begun, mark = time.monotonic(), "seen"
        try:
            seen = point(page, scripts)
        except (Error, AssertionError) as error:
            failed, mark, seen = failed + 1, "FAILED", f"{page.url}: {str(error)[:600]}"
        took = time.monotonic() - begun
        way = "scripts" if scripts else "none"
        seen = " ".join(seen.split()).replace("|", "/")
        sys.stdout.write(f"| {number} | {name} | {way} | {mark} | {seen} | {took:.1f} s |\n")
        sys.stdout.flush()
        context.close()
    return failed


def main() -> int:
    """With scripts, then on new data without them; or the points that are named."""
    expect.set_options(timeout=PATIENCE * 1000)
    wanted, failed = {int(each) for each in sys.argv[1:]}, 0
    with stage() as (browser, valkey):
        for scripts in (True, False):
            with site(ROOT, valkey) as url:
                failed += go_through(browser, url, wanted, scripts=scripts)
    return min(failed, 1)


if __name__ == "__main__":
    sys.exit(main())

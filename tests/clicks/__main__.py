"""`python -m tests.clicks [CHECKOUT]`: what tasks take on today's pages, and on those of an earlier
checkout of this repository, whose requirements are installed. Prints a table for docs/look.md."""

import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import django
from playwright.sync_api import Browser, Page, sync_playwright

from tests.support import environment as environment  # a data directory of its own
from tests.support.pages import ROOT

django.setup()

from tests.clicks import earlier, tasks  # noqa: E402 - models need the settings
from tests.clicks.data import PASSWORD  # noqa: E402
from tests.clicks.hands import Hands, Taken  # noqa: E402
from tests.clicks.site import site  # noqa: E402
from tests.conftest import CHROMIUM, CHROMIUM_ARGUMENTS  # noqa: E402
from tests.support.patience import PATIENCE  # noqa: E402
from tests.support.stack import Valkey  # noqa: E402

TASKS = {
    "start a job again with one value changed": "again",
    "the same where it had a file": "again_with_file",
    "find yesterday's failed imports of one person, and why": "failed_imports",
    "say how long such a job takes": "how_long",
    "cancel 20 stuck ones": "cancel_stuck",
    "read the last line of a log, and give a colleague its address": "last_line",
    "show a log to somebody without an account": "share_log",
    "change one's password (no staff)": "password",
}
Task = Callable[[Page, Hands], str]


def measure(browser: Browser, url: str, known: ModuleType) -> dict[str, Taken | None]:
    """What each task takes, each by a person who has just signed in."""
    return {name: _one(browser, url, name, getattr(known, name)) for name in TASKS.values()}


def _one(browser: Browser, url: str, name: str, task: Task | None) -> Taken | None:
    if task is None:
        return None
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    context.set_default_timeout(PATIENCE * 1000)
    page = context.new_page()
    page.goto(f"{url}/sign-in/")
    page.get_by_label("Username").fill("maria" if name == "password" else "ada")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.locator("[data-chip=live]").wait_for()
    hands = Hands(page)
    said = task(page, hands)
    context.close()
    sys.stderr.write(f"{name}: {hands.taken} {said[:120]}\n")
    return hands.taken


def cells(taken: Taken | None) -> str:
    """Of one side of the table."""
    if taken is None:
        return "not possible | | "
    return f"{taken.clicks} + {taken.typed} | {taken.pages} | {taken.seconds:.0f} s"


def main() -> None:
    """Both, one after the other."""
    checkouts = {"today": (ROOT, tasks)}
    if sys.argv[1:]:
        checkouts = {"before": (Path(sys.argv[1]).resolve(), earlier)} | checkouts
    valkey = Valkey()
    valkey.start()
    found = {}
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(
                executable_path=str(CHROMIUM), args=CHROMIUM_ARGUMENTS
            )
            for name, (checkout, known) in checkouts.items():
                with site(checkout, valkey) as url:
                    found[name] = measure(browser, url, known)
            browser.close()
    finally:
        valkey.kill()
    for task, name in TASKS.items():
        sides = " | ".join(cells(found[side][name]) for side in found)
        sys.stdout.write(f"| {task} | {sides} |\n")


if __name__ == "__main__":
    main()

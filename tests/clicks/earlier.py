"""The same on the pages of an earlier checkout, by the nearest way that they have. `None` is what
they do not have at all."""

import re

from playwright.sync_api import Page

from jobs.demo.contents import SAMPLE
from tests.clicks.data import LAST_LINE, STUCK
from tests.clicks.hands import Hands

FILE = "orders-q3.csv"


def again(page: Page, hands: Hands) -> str:
    """Within *Details*."""
    hands.click(page.get_by_role("link", name="Store the orders"))
    hands.click(page.get_by_text("Details"))
    hands.click(page.get_by_role("link", name="Start another like this"))
    hands.type(page.get_by_label("Seconds"), "5")
    hands.click(page.get_by_role("button", name="Start"))
    return hands.read(page.locator(".panel .badge").first)


def again_with_file(page: Page, hands: Hands) -> str:
    """The file is to be found and sent once more."""
    hands.click(page.locator(".row", has_text=FILE).get_by_role("link"))
    hands.click(page.get_by_text("Details"))
    hands.click(page.get_by_role("link", name="Start another like this"))
    hands.file(page.get_by_label("File"), FILE, SAMPLE)
    hands.choose(page.get_by_label("Delimiter"), "comma")
    hands.click(page.get_by_role("button", name="Start"))
    return hands.read(page.locator(".panel .badge").first)


def failed_imports(page: Page, hands: Hands) -> str:
    """In the admin; the reason is on the page of each job."""
    hands.click(page.get_by_role("link", name="Admin"))
    hands.click(page.locator("#content .model-job th a"))
    filters = page.locator("#changelist-filter")
    for name in ("Failed", "import-csv", "maria"):
        hands.click(filters.get_by_role("link", name=name, exact=True))
    said = ""
    for number in range(2):
        sought = page.locator("#result_list tbody tr", has_text="branch-")
        hands.click(sought.nth(number).get_by_role("link"))
        said = hands.read(page.locator(".field-reason").first)
        hands.back()
    return said


def how_long(page: Page, hands: Hands) -> str:
    """Fifty durations in the admin's list, to be sorted in one's head."""
    hands.click(page.get_by_role("link", name="Admin"))
    hands.click(page.locator("#content .model-job th a"))
    filters = page.locator("#changelist-filter")
    for name in ("Succeeded", "import-csv"):
        hands.click(filters.get_by_role("link", name=name, exact=True))
    shown = page.locator("#result_list .field-duration")
    for number in range(20):
        hands.read(shown.nth(number))
    return f"{shown.count()} durations"


def cancel_stuck(page: Page, hands: Hands) -> str:
    """Which are stuck is not told: those of one person that run, ticked one by one."""
    hands.click(page.get_by_role("link", name="Admin"))
    hands.click(page.locator("#content .model-job th a"))
    filters = page.locator("#changelist-filter")
    for name in ("Running", "maria"):
        hands.click(filters.get_by_role("link", name=name, exact=True))
    rows = page.locator("#result_list tbody tr", has_text="Sync shop")
    for number in range(STUCK):
        hands.click(rows.nth(number).locator(".action-select"))
    hands.choose(page.locator("select[name=action]"), "cancel_jobs")
    hands.click(page.get_by_role("button", name=re.compile("^(Go|Run)$")))
    messages = page.locator(".messagelist li")
    messages.last.wait_for()
    return f"{messages.count()} messages"


def last_line(page: Page, hands: Hands) -> str:
    """The text, marked and copied by hand, and the address of the page."""
    hands.click(page.get_by_role("link", name="Store the orders"))
    line = page.locator("[data-lines] li").last
    said = hands.read(line, LAST_LINE)
    hands.click(line)
    hands.key("Control+c")
    hands.key("Control+l", "Control+c")
    return said


share_log = None
password = None

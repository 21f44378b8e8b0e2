"""What people do on today's pages. Each begins on the first page, signed in; returns what was
read, so that a task that finds the wrong thing fails."""

from playwright.sync_api import Page

from tests.clicks.data import LAST_LINE, PASSWORD, REASON, STUCK
from tests.clicks.hands import Hands

NEW = "a-second-password"


def again(page: Page, hands: Hands) -> str:
    """A job that has ended, with 5 seconds instead of its own."""
    hands.click(page.get_by_role("link", name="Store the orders"))
    hands.click(page.locator("#to-input"))
    hands.click(page.get_by_role("link", name="Start another like this"))
    hands.type(page.get_by_label("Seconds"), "5")
    hands.click(page.get_by_role("button", name="Start"))
    return hands.read(page.locator(".panel .badge").first)


def again_with_file(page: Page, hands: Hands) -> str:
    """A failed import with another delimiter; its file is kept."""
    hands.click(page.locator(".row", has_text="orders-q3.csv").get_by_role("link"))
    hands.click(page.get_by_role("link", name="Fix and start again"))
    hands.choose(page.get_by_label("Delimiter"), "comma")
    hands.click(page.get_by_role("button", name="Start"))
    return hands.read(page.locator(".panel .badge").first)


def failed_imports(page: Page, hands: Hands) -> str:
    """In the list, by yesterday's column of the chart; its lines have the reason."""
    hands.click(page.locator("#days a").nth(-2))
    hands.choose(page.locator("[name=kind]"), "import-csv")
    hands.type(page.locator("[name=person]"), "maria")
    hands.key("Enter")
    hands.click(page.locator("#statuses").get_by_role("link", name="Failed"))
    return hands.read(page.locator("#jobs"), REASON[:20])


def how_long(page: Page, hands: Hands) -> str:
    """On the page of its kind: by the job and the heading above it."""
    hands.click(page.locator(".row", has_text="orders-q1.csv").get_by_role("link"))
    hands.click(page.locator(".crumb").get_by_role("link", name="Import CSV"))
    return hands.read(page.locator("#runs dl").first)


def cancel_stuck(page: Page, hands: Hands) -> str:
    """All that have stalled, those of the demo as well, at once; what is done is a job with a
    bar."""
    hands.click(page.get_by_role("link", name="System"))
    hands.click(page.locator(".tiles div", has_text="Stalled").get_by_role("link"))
    hands.click(page.locator(".tick input").first)
    hands.click(page.get_by_label("All that match"))
    hands.click(page.locator("#many").get_by_role("button", name="Cancel"))
    asked = hands.read(page.locator("main h1"), "Cancel ")
    assert int(asked.split()[1]) >= STUCK, asked
    hands.click(page.locator("main form button").first)
    return hands.read(page.locator("[data-status=succeeded] .badge").first)


def last_line(page: Page, hands: Hands) -> str:
    """The address of the line, for somebody who may see the job."""
    hands.click(page.get_by_role("link", name="Store the orders"))
    hands.click(page.locator("#to-log"))
    said = hands.read(page.locator("#lines li").last, LAST_LINE)
    hands.click(page.locator("#lines li a").last)
    assert "#line-" in page.url
    hands.key("Control+l", "Control+c")
    return said


def share_log(page: Page, hands: Hands) -> str:
    """A link with the log for somebody without an account."""
    hands.click(page.get_by_role("link", name="Store the orders"))
    hands.click(page.locator("#to-log"))
    hands.read(page.locator("#lines li").last, LAST_LINE)
    hands.click(page.locator("#share-of-summary"))
    hands.click(page.locator(".share-form").get_by_label("Log"))
    hands.click(page.get_by_role("button", name="Make a link"))
    hands.click(page.locator(".share-links [data-copies]").first)
    return page.locator(".copied input").first.input_value()


def password(page: Page, hands: Hands) -> str:
    """As somebody who is no staff."""
    hands.click(page.get_by_role("link", name="maria"))
    hands.type(page.get_by_label("Old password"), PASSWORD)
    hands.type(page.get_by_label("New password", exact=True), NEW)
    hands.type(page.get_by_label("New password confirmation"), NEW)
    hands.key("Enter")
    return hands.read(page.locator("[data-notes], .note").first)

"""Every page and state that the site had on 23 November 2026 (132edef), as data, and where today's
is: tests/pictures/pairs.py photographs both."""

from dataclasses import dataclass

from playwright.sync_api import Page

from tests.pictures.album import (
    ADA,
    CSV,
    NEW,
    NOBODY,
    PNG,
    Deed,
    chosen,
    nothing,
    opened,
    refused,
    wrong_numbers,
)

POST = """([path, token]) => {
  const form = document.createElement('form');
  const fields = { 'start-token': token, csrfmiddlewaretoken: '' };
  if (token !== null) {
    fields.csrfmiddlewaretoken = document.querySelector('[name=csrfmiddlewaretoken]').value;
  }
  for (const [name, value] of Object.entries(fields)) {
    form.append(Object.assign(document.createElement('input'), { name, value }));
  }
  document.body.append(Object.assign(form, { method: 'post', action: path }));
  form.submit();
}"""
"""Sends a form as no page of ours does, and for null without the token against forgeries."""


@dataclass(frozen=True)
class Pair:
    """`path` may have the name of a job in braces, for its id, and {app} for the app that has the
    jobs; `today` and `today_deed` are of today's page where it has another way there."""

    path: str
    deed: Deed = nothing
    who: str = ADA
    today: str = ""
    today_deed: Deed | None = None
    scripts: bool = True

    def on(self, side: str) -> tuple[str, Deed]:
        """Path and deed on the side `before` or `today`."""
        if side == "before":
            return self.path, self.deed
        return self.today or self.path, self.today_deed or self.deed


def left_empty(page: Page) -> None:
    """A form without what it requires, as browsers that do not check send it."""
    page.locator("form.form").evaluate(
        "form => { for (const each of form.elements) each.required = false; }"
    )
    page.locator("form.form .primary").click()
    page.locator("form.form [aria-invalid=true], form.form .errorlist").first.wait_for()


def started(page: Page) -> None:
    """A job that begins at once."""
    page.locator("[name=seconds]").fill("60")
    page.locator("form.form .primary").click()
    page.locator(".panel[data-status=running]").wait_for()
    page.wait_for_timeout(3500)  # until it has a rate


def cut_off(page: Page) -> None:
    """The page says so."""
    page.locator("[data-chip]:not([data-chip=live]):not([hidden])").first.wait_for()


def paused(page: Page) -> None:
    """The page says that it is live no more, though there is a stream."""
    page.locator("[data-chip]").filter(has_text="Live updates paused").first.wait_for()


def signed_out(page: Page) -> None:
    """In another tab."""
    page.locator("[data-chip=live]").wait_for()
    page.context.clear_cookies()
    page.context.set_offline(True)
    page.context.set_offline(False)
    page.locator("[data-chip] a, a[data-chip]").first.wait_for()


def sent(path: str, token: str | None = "") -> Deed:
    """A form that the site refuses, to a path below the page's own."""

    def deed(page: Page) -> None:
        with page.expect_navigation():
            page.evaluate(POST, [path, token])

    return deed


def cancelled(page: Page) -> None:
    """By the button."""
    page.locator(".panel form[action$='/cancel/'] button").click()
    page.locator(".panel[data-status=cancelled]").wait_for()


def acted(page: Page) -> None:
    """Asks the admin to cancel three jobs that have ended."""
    for box in page.locator(".action-select").all()[:3]:
        box.check()
    page.locator("select[name=action]").select_option("cancel_jobs")
    with page.expect_navigation():
        page.locator("button[name=index]").click()


DETAILS = opened(".panel details summary")
TODAYS_DETAILS = opened("details[id^=details] summary")
LISTS = {
    "list": Pair("/"),
    "list-new": Pair("/", who=NEW),
    "list-active": Pair("/?status=active"),
    "list-succeeded": Pair("/?status=succeeded"),
    "list-failed": Pair("/?status=failed", today="/?status=bad"),
    "list-cancelled": Pair("/?status=cancelled"),
    "list-nothing": Pair("/?status=failed", who=NEW),
    "list-wrong": Pair("/?status=odd"),
    "list-older": Pair("/", opened(".pager [rel=next]")),
    "list-no-scripts": Pair("/", scripts=False),
    "list-signed-out": Pair("/", signed_out),
}
STATES = (
    *("queued", "scheduled", "again", "running", "phases", "no-total", "stalled", "cancelling"),
    *("failed", "refused", "all-rejected", "timed-out", "memory", "lost", "cancelled"),
    *("never-began", "warned", "retried", "forty-phases", "wordy", "archive", "table", "long"),
    *("rtl", "hebrew", "emoji", "markup", "one-word"),
)
JOBS = {
    **{name: Pair(f"/jobs/{{{name}}}/") for name in STATES},
    "details": Pair("/jobs/{failed}/", DETAILS, today_deed=TODAYS_DETAILS),
    "running-no-scripts": Pair("/jobs/{running}/", scripts=False),
    "warned-no-scripts": Pair("/jobs/{warned}/", scripts=False),
    "too-late": Pair("/jobs/{failed}/", sent("cancel/")),
}
FORMS = {
    "start": Pair("/jobs/start/import-csv/"),
    "start-file": Pair("/jobs/start/import-csv/", chosen(CSV)),
    "start-wrong-file": Pair("/jobs/start/import-csv/", chosen(PNG)),
    "start-empty": Pair("/jobs/start/import-csv/", left_empty),
    "start-archive": Pair("/jobs/start/checksum-archive/"),
    "start-simulate": Pair("/jobs/start/simulate/"),
    "start-wrong": Pair("/jobs/start/simulate/", wrong_numbers),
    "start-like": Pair("/jobs/start/simulate/?like={wordy}"),
    "start-hindered": Pair("/jobs/start/ask-model/"),
    "sign-in": Pair("/sign-in/", who=NOBODY),
    "sign-in-refused": Pair("/sign-in/", refused, who=NOBODY),
    "sign-in-link-used": Pair("/sign-in/link/MQ/d2x4-0/", who=NOBODY),
}
ERRORS = {
    "400": Pair("/jobs/start/simulate/", sent("", "!!")),
    "403": Pair("/jobs/{failed}/", sent("cancel/", None)),
    "404": Pair("/nowhere/"),
    "404-other": Pair("/jobs/{failed}/", who=NEW),
    "405": Pair("/jobs/{failed}/cancel/"),
    **{status: Pair(f"/shown/{status}/") for status in ("409", "413", "500", "503")},
}
ADMIN = {
    "admin-login": Pair("/admin/login/", who=NOBODY),
    "admin-index": Pair("/admin/"),
    "admin": Pair("/admin/{app}/job/"),
    "admin-failed": Pair(
        "/admin/{app}/job/?status__exact=failed", today="/admin/headway/job/?status=failed"
    ),
    "admin-search": Pair("/admin/{app}/job/?q=orders-q1"),
    "admin-nothing": Pair("/admin/{app}/job/?q=nowhere"),
    "admin-job": Pair("/admin/{app}/job/{failed}/change/"),
    "admin-running": Pair("/admin/{app}/job/{running}/change/"),
    "admin-retried": Pair("/admin/{app}/job/{retried}/change/"),
    "admin-history": Pair("/admin/{app}/job/{cancelled}/history/"),
    "admin-tokens": Pair("/admin/{app}/apitoken/"),
    "admin-token": Pair("/admin/{app}/apitoken/1/change/"),
}
DEEDS = {
    "admin-acted": Pair(
        "/admin/{app}/job/?status__exact=failed", acted, today="/admin/headway/job/?status=failed"
    ),
    "cancel-pressed": Pair("/jobs/{scheduled}/", cancelled),
    "started": Pair("/jobs/start/simulate/", started),
}
"""What changes something, after all else."""
PAIRS = LISTS | JOBS | FORMS | ERRORS | ADMIN | DEEDS
WITHOUT_REDIS = {
    "list-without-redis": Pair("/", paused),
    "running-without-redis": Pair("/jobs/{running}/", paused),
}
CUT_OFF = {
    "list-cut-off": Pair("/", cut_off),
    "running-cut-off": Pair("/jobs/{running}/", cut_off),
}
"""The web process is away."""
WITHOUT_WORKER = {
    "list-without-worker": Pair("/"),
    "queued-without-worker": Pair("/jobs/{queued}/"),
    "admin-without-worker": Pair("/admin/{app}/job/"),
}
DOCS = {
    "list": ("list", "light", 1280),
    "running": ("running", "light", 1280),
    "failed": ("failed", "light", 1280),
    "warned": ("warned", "light", 1280),
    "start-wrong-file": ("start-wrong-file", "light", 1280),
    "list-dark": ("list", "dark", 390),
    "list-failed": ("list-failed", "light", 1280),
    "admin": ("admin", "light", 1280),
    "list-phone": ("list", "light", 390),
    "failed-phone": ("failed", "light", 390),
}
"""What docs/before-and-after.md shows: the name of a picture -> the pair, scheme and width."""

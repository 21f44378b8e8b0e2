"""Every page of the site in every state, as data: where it is, and what somebody does there before
it is photographed. Nothing goes by its words: the same is done in every language."""

from collections.abc import Callable
from dataclasses import dataclass

from playwright.sync_api import FilePayload, Page

from tests.clicks.data import PASSWORD

Deed = Callable[[Page], object]
NOBODY, NEW, ADA = "", "nora", "ada"
PNG = FilePayload(name="logo.csv", mimeType="text/csv", buffer=b"\x89PNG\r\n\x1a\n" + bytes(60))
CSV = FilePayload(name="orders.csv", mimeType="text/csv", buffer=b"order,date\n1,2026-03-02\n")


def nothing(page: Page) -> None:
    """It is looked at as it opens."""
    del page


@dataclass(frozen=True)
class View:
    """`path` may have the name of a job in braces, for its id."""

    path: str
    deed: Deed = nothing
    who: str = ADA


def opened(selector: str) -> Deed:
    """Clicks on something, such as a part that is closed."""
    return lambda page: page.locator(selector).first.click()


def ticked(page: Page) -> None:
    """Two jobs, which brings the bar of verbs."""
    for box in page.locator("[name=job]").all()[1:3]:
        box.check()


def asked_about_many(page: Page) -> None:
    """The page that asks once."""
    ticked(page)
    page.locator("#many [value=delete]").click()
    page.locator(".panel.narrow").wait_for()


def cancelled(page: Page) -> None:
    """With the Undo that there is for ten seconds."""
    page.locator(".panel form[action$='/cancel/'] button").click()
    page.locator("form[action$='/undo/']").first.wait_for()


def asked_keys(page: Page) -> None:
    """The sheet of shortcuts."""
    page.locator("[data-chip=live]").wait_for()
    page.keyboard.press("?")
    page.locator("dialog").wait_for()


def wrong_numbers(page: Page) -> None:
    """A form that comes back with sentences."""
    page.locator("[name=steps]").fill("1")
    page.locator("[name=phases]").fill("9")
    page.locator("form.form .primary").click()
    page.locator("[aria-invalid]").first.wait_for()


def chosen(file: FilePayload) -> Deed:
    """A file in a form, which is looked into before anything is sent."""
    return lambda page: page.locator("input[type=file]").set_input_files(file)


def shared(page: Page) -> None:
    """A link that was just made."""
    page.locator("#share-of-summary").click()
    page.locator("#share-of .share-form button").click()
    page.locator("#share-of .new").wait_for()


def refused(page: Page) -> None:
    """A wrong password."""
    page.locator("[name=username]").fill("ada")
    page.locator("[name=password]").fill("wrong")
    page.locator("button.primary").click()
    page.locator(".note-error").wait_for()


def token_made(page: Page) -> None:
    """Its text, seen once."""
    page.locator("[name=name]").first.fill("backup script")
    page.locator("form[action$='/tokens/'] button").first.click()
    page.locator("[data-token]").wait_for()


def password_refused(page: Page) -> None:
    """Too short, and the old one is wrong."""
    page.locator("[name=old_password]").fill("wrong")
    for name in ("new_password1", "new_password2"):
        page.locator(f"[name={name}]").fill(PASSWORD[:3])
    page.locator("form[action$='/password/'] button").click()
    page.locator("[aria-invalid]").first.wait_for()


def focused(page: Page) -> None:
    """A ring around what the keyboard has come to."""
    page.locator("[data-chip=live]").wait_for()
    for _ in range(8):
        page.keyboard.press("Tab")


def job(name: str, tail: str = "", deed: Deed = nothing) -> View:
    """The page of a job."""
    return View(f"/jobs/{{{name}}}/{tail}", deed)


LISTS = {
    "list": View("/"),
    "list-new": View("/", who=NEW),
    "list-start": View("/", opened("#start-summary")),
    "list-own-kind": View("/", opened("#own-summary")),
    "list-days": View("/", opened("#days-summary")),
    "list-everybody": View("/?person=*"),
    "list-bad": View("/?status=bad&person=*"),
    "list-stalled": View("/?status=stalled"),
    "list-filters": View("/?person=*&sort=longest&kind=import-csv&since=2020-01-01"),
    "list-asking": View("/?person=*", opened("#more-filters-summary:visible, #save-summary")),
    "list-save": View("/?text=bank", opened("#save-summary")),
    "list-nothing": View("/?text=nowhere"),
    "list-wrong": View("/?since=soon&status=odd&kind=gone"),
    "list-older": View("/", opened("#pager [rel=next]")),
    "list-ticked": View("/", ticked),
    "list-focus": View("/", focused),
    "list-keys": View("/", asked_keys),
    "many": View("/", asked_about_many),
    "causes": View("/jobs/causes/?person=*"),
    "cause": View("/jobs/causes/?person=*", opened("#causes h2 a")),
    "too-slow": View("/shown/too-slow/"),
}
JOBS = {
    **{name: job(name) for name in ("queued", "scheduled", "again", "running", "phases")},
    **{name: job(name) for name in ("no-total", "silent", "stalled", "cancelling", "failed")},
    **{name: job(name) for name in ("refused", "all-rejected", "timed-out", "memory", "lost")},
    **{name: job(name) for name in ("cancelled", "never-began", "warned", "retried", "archive")},
    **{name: job(name) for name in ("forty-phases", "table", "wordy", "long", "rtl", "hebrew")},
    **{name: job(name) for name in ("emoji", "markup", "one-word", "hostile")},
    "undo": job("scheduled", deed=cancelled),
    **{f"failed-{tab}": job("failed", f"#{tab}") for tab in ("log", "input", "attempts")},
    **{f"warned-{tab}": job("warned", f"#{tab}") for tab in ("log", "warnings", "input", "result")},
    **{f"hostile-{tab}": job("hostile", f"#{tab}") for tab in ("log", "warnings", "output")},
    **{f"hostile-{tab}": job("hostile", f"#{tab}") for tab in ("input", "result", "attempts")},
    "retried-attempts": job("retried", "#attempts"),
    "retried-first": job("retried", "?attempt=1"),
    "details": job("failed", deed=opened("details[id^=details] summary")),
    "trail": job("cancelled", "trail/"),
    "fix": View("/jobs/start/import-csv/?like={failed}"),
    "share": job("warned", deed=shared),
    "shared": View("{link-all}", who=NOBODY),
    "shared-little": View("{link-little}", who=NOBODY),
}
FORMS = {
    "start": View("/jobs/start/simulate/"),
    "start-wrong": View("/jobs/start/simulate/", wrong_numbers),
    "start-file": View("/jobs/start/import-csv/", chosen(CSV)),
    "start-wrong-file": View("/jobs/start/import-csv/", chosen(PNG)),
    "start-hindered": View("/jobs/start/ask-model/"),
    "kind": View("/jobs/kinds/import-csv/"),
    "kind-new": View("/jobs/kinds/ask-model/"),
    "system": View("/jobs/system/"),
    "notices": View("/jobs/notices/"),
    "me": View("/me/"),
    "me-token": View("/me/", token_made),
    "me-password": View("/me/", password_refused),
    "sign-in": View("/sign-in/", who=NOBODY),
    "sign-in-refused": View("/sign-in/", refused, who=NOBODY),
    "sign-in-link": View("{sign-in-link}", who=NOBODY),
    "404": View("/nowhere/"),
    **{str(status): View(f"/shown/{status}/") for status in (400, 403, 413, 429, 500, 503)},
    "confirm-retry": View("/shown/confirm-retry/"),
    "shop": View("/shown/shop/"),
    "tray": View("/shown/tray/"),
}
ADMIN = {
    "admin": View("/admin/headway/job/"),
    "admin-bad": View("/admin/headway/job/?status=badly"),
    "admin-job": View("/admin/headway/job/{failed}/change/"),
    "admin-running": View("/admin/headway/job/{running}/change/"),
    "admin-history": View("/admin/headway/job/{cancelled}/history/"),
    "admin-doctor": View("/admin/headway/job/doctor/"),
    "admin-audit": View("/admin/headway/auditentry/"),
    "admin-tokens": View("/admin/headway/apitoken/"),
    "admin-index": View("/admin/"),
}
VIEWS = LISTS | JOBS | FORMS | ADMIN
PLAIN = ("list", "running", "failed", "warned", "start-wrong", "me")
"""Looked at without their style sheets, too."""

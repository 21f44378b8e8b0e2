"""Uploads in parts: Chromium with its network cut and its page loaded again in the middle."""

import re
from pathlib import Path
from typing import Any

import pytest
from django.core.files.storage import default_storage
from playwright.sync_api import BrowserContext, Page, expect

from headway.lifecycle import uploading
from headway.models import Job, Upload
from tests.pages.live.own_kinds import web as web
from tests.pages.live.watching import while_waiting
from tests.support.proxy import Proxy

pytestmark = pytest.mark.usefixtures("transactional_db")
MIB = 1024 * 1024


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    """Of six parts."""
    path = tmp_path / "rows.csv"
    path.write_bytes(b"a,b\n" + b"1,2\n" * (3 * MIB))
    return path


@pytest.fixture
def tab(context: BrowserContext, proxy: Proxy) -> Page:
    page = context.new_page()
    page.goto(f"{proxy.url}/jobs/start/import-csv/")
    page.wait_for_function("window.htmx")
    return page


def choose_and_start(tab: Page, path: Path) -> None:
    tab.locator("input[type=file]").set_input_files(path)
    tab.get_by_role("button", name="Start").click()


def stop_after(tab: Page, parts: int) -> list[Any]:
    """Lets so many parts through and holds the next ones."""
    held: list[Any] = []
    seen = 0

    def decide(route: Any) -> None:
        nonlocal seen
        if route.request.method == "PATCH":
            seen += 1
            if seen > parts:
                held.append(route)
                return
        route.continue_()

    tab.route("**/jobs/uploads/**", decide)
    return held


def offsets(tab: Page) -> list[str]:
    """From where on parts are sent from now on."""
    sent: list[str] = []
    tab.on("request", lambda request: sent.append(request.headers.get("upload-offset", "")))
    return sent


def arrived(path: Path) -> bool:
    """Whether the job has the whole file."""
    with default_storage.open(Job.objects.get().params["file"]) as file:
        return bool(file.read() == path.read_bytes())


def test_an_upload_goes_on_when_the_network_is_back(
    tab: Page, context: BrowserContext, rows: Path
) -> None:
    held = stop_after(tab, 2)
    choose_and_start(tab, rows)
    while_waiting(tab, lambda: bool(held))
    badge = tab.locator("[data-part=badge]")
    expect(badge).to_have_text("Uploading")
    expect(tab.locator("[data-part=amount]")).to_have_text(re.compile(r"^4\.2 of 13 MB"))
    assert tab.evaluate("!dispatchEvent(new Event('beforeunload', { cancelable: true }))")
    context.set_offline(True)
    expect(badge).to_have_text("No connection")
    tab.unroute("**/jobs/uploads/**")
    sent = offsets(tab)
    context.set_offline(False)
    tab.wait_for_url("**/jobs/*-*/")
    assert "0" not in sent, "it began from the start"
    assert arrived(rows)


def test_an_upload_goes_on_after_the_page_was_loaded_again(tab: Page, rows: Path) -> None:
    held = stop_after(tab, 3)
    choose_and_start(tab, rows)
    while_waiting(tab, lambda: bool(held))
    tab.on("dialog", lambda dialog: dialog.accept())
    tab.unroute("**/jobs/uploads/**")
    tab.reload()
    expect(tab.locator(".field [data-begun]:not(input)")).to_contain_text(
        # Of the part on its way any share may have come
        re.compile(r"(49|5\d|6[0-6])% of rows\.csv")
    )
    sent = offsets(tab)
    choose_and_start(tab, rows)
    tab.wait_for_url("**/jobs/*-*/")
    assert "0" not in sent, "it began from the start"
    assert arrived(rows)
    upload = Upload.objects.get()
    assert upload.stored
    assert not uploading.path_of(upload).exists()


DROPPED = """() => {
    const [data, png] = [new DataTransfer(), [0x89, 0x50, 0x4e, 0x47, 13, 10, 26, 10, 0]];
    data.items.add(new File([new Uint8Array(png)], 'rows.png'));
    return data;
}"""


def test_cancel_deletes_what_was_sent_and_a_wrong_file_that_was_dropped_is_not_sent(
    tab: Page, rows: Path
) -> None:
    held = stop_after(tab, 1)
    data = tab.evaluate_handle(DROPPED)
    tab.dispatch_event(".form-foot", "drop", {"dataTransfer": data})
    expect(tab.locator(".field [role=alert]")).to_have_text(
        "This is a picture, not a text file: choose another one."
    )
    assert tab.locator("input[type=file]").evaluate("el => el.files[0].name") == "rows.png"
    tab.get_by_role("button", name="Start").click()
    assert not Upload.objects.exists()
    choose_and_start(tab, rows)
    while_waiting(tab, lambda: bool(held))
    tab.get_by_role("button", name="Cancel").click()
    expect(tab.get_by_role("button", name="Start")).to_be_visible()
    while_waiting(tab, lambda: not Upload.objects.exists())
    assert tab.evaluate("dispatchEvent(new Event('beforeunload', { cancelable: true }))")


def test_a_refused_form_keeps_its_file(tab: Page, rows: Path) -> None:
    tab.locator("[name=delimiter]").evaluate("el => el.firstElementChild.value = 'nonsense'")
    choose_and_start(tab, rows)
    expect(tab.locator("form .kept")).to_contain_text("rows.csv is kept.")
    tab.get_by_role("button", name="Start").click()
    tab.wait_for_url("**/jobs/*-*/")
    assert arrived(rows)


def test_two_files_are_sent_with_one_bar(
    tab: Page, context: BrowserContext, proxy: Proxy, rows: Path
) -> None:
    other = rows.with_name("other.csv")
    other.write_bytes(b"c,d\n" + b"3,4\n" * MIB)
    tab.goto(f"{proxy.url}/jobs/start/compare-files/")
    held = stop_after(tab, 4)
    for name, path in (("old", rows), ("new", other)):
        tab.locator(f"input[type=file][name={name}]").set_input_files(path)
    tab.get_by_role("button", name="Start").click()
    while_waiting(tab, lambda: bool(held))
    expect(tab.locator("[data-part=amount]")).to_have_text(re.compile(r"^8\.4 of 17 MB"))
    context.set_offline(True)
    expect(tab.locator("[data-part=badge]")).to_have_text("No connection")
    tab.unroute("**/jobs/uploads/**")
    context.set_offline(False)
    tab.wait_for_url("**/jobs/*-*/")
    params = Job.objects.get().params
    for name, path in (("old", rows), ("new", other)):
        with default_storage.open(params[name]) as file:
            assert file.read() == path.read_bytes()

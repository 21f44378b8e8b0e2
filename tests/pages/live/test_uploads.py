"""Uploads in parts: the tus protocol over HTTP, and Chromium with its network cut and its page
loaded again in the middle."""

import base64
import hashlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from django.contrib.auth.models import User
from django.core.files.storage import default_storage
from playwright.sync_api import BrowserContext, Page, expect

from headway.lifecycle import uploading
from headway.models import Job, Upload
from headway.web import tokens
from tests.pages.live.own_kinds import web as web
from tests.pages.live.watching import while_waiting
from tests.support.patience import PATIENCE
from tests.support.proxy import Proxy
from tests.support.stack import Web

pytestmark = pytest.mark.usefixtures("transactional_db")
TUS = {"Tus-Resumable": "1.0.0"}
PART = {"Content-Type": "application/offset+octet-stream"}
CONTENT = b"a,b\n" + b"1,2\n" * 100
MIB = 1024 * 1024


def client_of(web: Web, user: User) -> httpx.Client:
    """A program of a user's."""
    headers = TUS | {"Authorization": f"Bearer {tokens.issue(user)[1]}"}
    return httpx.Client(base_url=web.url, headers=headers, timeout=PATIENCE)


@pytest.fixture
def program(web: Web, alice: User) -> Iterator[httpx.Client]:
    with client_of(web, alice) as client:
        yield client


def metadata(**values: str) -> str:
    known = {"filename": "rows.csv", "kind": "import-csv", "field": "file"} | values
    pairs = (f"{name} {base64.b64encode(text.encode()).decode()}" for name, text in known.items())
    return ",".join(pairs)


def begin(client: httpx.Client, size: int = len(CONTENT), **values: str) -> httpx.Response:
    headers = {"Upload-Length": str(size), "Upload-Metadata": metadata(**values)}
    return client.post("/jobs/uploads/", headers=headers)


def send(client: httpx.Client, url: str, at: int, part: bytes, **headers: str) -> httpx.Response:
    given = PART | {"Upload-Offset": str(at)} | headers
    return client.patch(url, content=part, headers=given)


def test_a_file_is_sent_in_parts_and_a_job_started_with_it(program: httpx.Client) -> None:
    begun = begin(program)
    assert (begun.status_code, begun.headers["Tus-Resumable"]) == (201, "1.0.0")
    url = begun.headers["Location"]
    assert begun.headers["Upload-Expires"].endswith("GMT")
    assert send(program, url, 0, CONTENT[:7]).headers["Upload-Offset"] == "7"
    told = program.head(url)
    assert told.status_code == 200
    assert "no-store" in told.headers["Cache-Control"]
    assert [told.headers[f"Upload-{name}"] for name in ("Offset", "Length")] == ["7", "404"]
    digest = base64.b64encode(hashlib.sha1(CONTENT[7:], usedforsecurity=False).digest()).decode()
    done = send(program, url, 7, CONTENT[7:], **{"Upload-Checksum": f"sha1 {digest}"})
    assert (done.status_code, done.headers["Upload-Offset"]) == (204, "404")

    upload = url.split("/")[-2]
    for _again in range(2):  # its answer was lost
        key = {"Idempotency-Key": "once"}
        started = program.post("/jobs/start/import-csv/", json={"file": upload}, headers=key)
        assert started.status_code == 202
    job = Job.objects.get()
    with default_storage.open(job.params["file"]) as file:
        assert file.read() == CONTENT
    assert send(program, url, 404, b"").status_code == 409
    assert program.delete(url).status_code == 204
    assert program.head(url).status_code == 404
    assert default_storage.exists(job.params["file"])


def test_what_does_not_follow_the_protocol_is_refused(program: httpx.Client) -> None:
    url = begin(program).headers["Location"]
    wrong: list[tuple[int, httpx.Response]] = [
        (409, send(program, url, 3, b"x")),
        (415, send(program, url, 0, b"x", **{"Content-Type": "text/plain"})),
        (400, send(program, url, 0, b"x", **{"Upload-Offset": "-1"})),
        (413, send(program, url, 0, CONTENT + b"x")),
        (413, send(program, url, 0, b"x" * (2 * MIB + 1))),
        (460, send(program, url, 0, b"x", **{"Upload-Checksum": "sha1 AAAA"})),
        (400, send(program, url, 0, b"x", **{"Upload-Checksum": "md5 AAAA"})),
        (400, send(program, url, 0, b"x", **{"Upload-Checksum": "sha1 ?"})),
        (412, program.head(url, headers={"Tus-Resumable": "0.2.2"})),
        (412, program.post(url, headers={"Tus-Resumable": ""})),
        (405, program.get(url)),
        (413, begin(program, 2**40)),
        (400, begin(program, kind="simulate", field="seconds")),
        (400, begin(program, kind="nothing")),
        (400, program.post("/jobs/uploads/", headers={"Upload-Length": "1"})),
        (400, program.post("/jobs/uploads/", headers={"Upload-Metadata": metadata()})),
        (
            400,
            program.post(
                "/jobs/uploads/", headers={"Upload-Length": "1", "Upload-Metadata": "kind ?"}
            ),
        ),
    ]
    assert [status for status, _ in wrong] == [answer.status_code for _, answer in wrong]
    assert all(answer.json()["detail"] for _, answer in wrong if answer.request.method != "HEAD")
    assert program.head(url).headers["Upload-Offset"] == "0"


@pytest.mark.parametrize(
    ("given", "name"), [("..", "file"), ("a/", "file"), ("../../b.csv", "b.csv"), ("C:\\b", "b")]
)
def test_a_name_is_none_of_a_folder(program: httpx.Client, given: str, name: str) -> None:
    url = begin(program, filename=given).headers["Location"]
    assert Upload.objects.get().name == name
    send(program, url, 0, CONTENT)
    started = program.post("/jobs/start/import-csv/", json={"file": url.split("/")[-2]})
    assert started.status_code == 202


def test_it_says_what_it_can_do_and_takes_other_methods_for_granted(program: httpx.Client) -> None:
    told = program.options("/jobs/uploads/")
    assert told.status_code == 204
    assert told.headers["Tus-Version"] == "1.0.0"
    assert "termination" in told.headers["Tus-Extension"]
    assert told.headers["Tus-Max-Size"] == str(2 * 1024**3)
    url = begin(program).headers["Location"]
    headers = PART | {"Upload-Offset": "0", "X-HTTP-Method-Override": "PATCH"}
    assert program.post(url, content=CONTENT, headers=headers).status_code == 204


def test_an_upload_is_its_owners_alone(
    program: httpx.Client, web: Web, bob: User, boss: User
) -> None:
    url = begin(program).headers["Location"]
    send(program, url, 0, CONTENT)
    for user in (bob, boss):
        with client_of(web, user) as other:
            assert other.head(url).status_code == 404
            assert send(other, url, 404, b"").status_code == 404
            assert other.delete(url).status_code == 404
            given = {"file": url.split("/")[-2]}
            refused = other.post("/jobs/start/import-csv/", json=given)
            assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (400, "#/file")
    nobody = httpx.head(f"{web.url}{url}", headers=TUS)
    assert nobody.status_code == 401
    with httpx.Client(base_url=web.url, headers=TUS) as without_form_token:
        assert begin(without_form_token).status_code == 403
    assert program.head(url).headers["Upload-Offset"] == "404"
    assert not Job.objects.exists()


# In the browser


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
        re.compile(r"(49|66)% of rows\.csv")  # of the part on its way nobody knows
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
    expect(tab.locator(".field [role=alert]")).to_have_text("This is a picture, and not text.")
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
    expect(tab.locator("form .help").first).to_contain_text("rows.csv is kept.")
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

"""Uploads in parts: the tus protocol, over HTTP."""

import base64
import hashlib
from collections.abc import Iterator

import httpx
import pytest
from django.contrib.auth.models import User
from django.core.files.storage import default_storage

from headway.models import Job, Upload
from headway.web import tokens
from tests.pages.live.own_kinds import web as web
from tests.support.patience import PATIENCE
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

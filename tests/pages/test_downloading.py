"""Result files."""

from collections.abc import Iterator
from http import HTTPStatus
from typing import Any, cast
from urllib.parse import quote

import pytest
from asgiref.sync import sync_to_async
from asgiref.testing import ApplicationCommunicator
from django.contrib.auth.models import User
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.http import StreamingHttpResponse
from django.test import AsyncClient, Client

from headway.models import Job, Status, result_path
from headway.web import tokens
from headway.web.admission import Handler
from tests.pages.conftest import MakeJob
from tests.support.patience import PATIENCE

CONTENT = b"0123456789abcdef" * 65536


@pytest.fixture
def job(make_job: MakeJob) -> Iterator[Job]:
    """A finished job with one large file."""
    job = make_job(Status.SUCCEEDED, files=["rejects.csv", "<b>.html"])
    paths = [
        default_storage.save(result_path(job.pk, 1, name), ContentFile(CONTENT))
        for name in job.files
    ]
    yield job
    for path in paths:
        default_storage.delete(path)


def test_the_file_arrives_whole_and_as_a_download(alices: Client, job: Job) -> None:
    response = alices.get(f"/jobs/{job.pk}/files/rejects.csv/")
    assert response.getvalue() == CONTENT
    assert response["Content-Length"] == str(len(CONTENT))
    assert response["Content-Disposition"] == 'attachment; filename="rejects.csv"'


def test_a_browser_cannot_be_made_to_show_it(alices: Client, job: Job) -> None:
    response = alices.get(f"/jobs/{job.pk}/files/{quote('<b>.html')}/")
    assert response.getvalue()
    assert response["Content-Disposition"].startswith("attachment;")
    assert response["Content-Type"] == "application/octet-stream"
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["Content-Security-Policy"].startswith("sandbox;")


@pytest.mark.parametrize(
    "name", ["other.csv", "..", "%2e%2e", "..%2f..%2fdb.sqlite3", "rejects.csv%00", "%5c..%5cx"]
)
def test_only_the_files_of_the_job_are_served(alices: Client, job: Job, name: str) -> None:
    response = alices.get(f"/jobs/{job.pk}/files/{name}/")
    assert response.status_code == HTTPStatus.NOT_FOUND


def test_a_file_that_is_gone_is_404(alices: Client, job: Job) -> None:
    default_storage.delete(result_path(job.pk, 1, "rejects.csv"))
    assert alices.get(f"/jobs/{job.pk}/files/rejects.csv/").status_code == HTTPStatus.NOT_FOUND


@pytest.mark.django_db(transaction=True)
async def test_it_streams_under_asgi_without_a_warning(
    async_client: AsyncClient, alice: User, job: Job
) -> None:
    await async_client.aforce_login(alice)
    url = f"/jobs/{job.pk}/files/rejects.csv/"
    response = cast("StreamingHttpResponse", await async_client.get(url))
    content = b"".join([chunk async for chunk in response])
    response.close()
    assert content == CONTENT


@pytest.mark.django_db(transaction=True)
async def test_a_server_that_sends_files_itself_is_told_where_they_are(
    alice: User, job: Job
) -> None:
    """ASGI, Path Send Extension."""
    token = await sync_to_async(tokens.issue)(alice)
    path = f"/jobs/{job.pk}/files/rejects.csv/"
    scope = {
        "type": "http",
        "http_version": "1.1",
        "method": "GET",
        "path": path,
        "query_string": b"",
        "headers": [(b"host", b"localhost"), (b"authorization", f"Bearer {token[1]}".encode())],
        "extensions": {"http.response.pathsend": {}},
    }
    server: Any = ApplicationCommunicator(Handler(), scope)  # type: ignore[no-untyped-call]
    await server.send_input({"type": "http.request", "body": b""})
    start = await server.receive_output(PATIENCE)
    assert (start["status"], dict(start["headers"])[b"Content-Length"]) == (
        200,
        str(len(CONTENT)).encode(),
    )
    sent = await server.receive_output(PATIENCE)
    stored = default_storage.path(result_path(job.pk, 1, "rejects.csv"))
    assert sent == {"type": "http.response.pathsend", "path": stored}
    await server.wait()

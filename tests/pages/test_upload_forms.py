"""Forms with files without JavaScript: as any form, and one that was refused keeps its file."""

import re
from http import HTTPStatus

import pytest
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from pytest_django import Settings

from headway.lifecycle import uploading
from headway.models import Job, Upload
from tests.jobs import parameter_kinds

START = "/jobs/start/import-csv/"
CONTENT = b"a,b\n1,2\n"
WRONG = {"delimiter": "nonsense"}


def upload(content: bytes = CONTENT) -> SimpleUploadedFile:
    return SimpleUploadedFile("rows.csv", content)


def kept(page: str) -> str | None:
    """The id that a form has in the place of its file."""
    found = re.search(r'name="upload-file" value="([\w-]+)"', page)
    return found and found[1]


@pytest.mark.parametrize("in_memory", [2_000_000, 0])
def test_a_refused_form_keeps_its_file(alices: Client, settings: Settings, in_memory: int) -> None:
    settings.FILE_UPLOAD_MAX_MEMORY_SIZE = in_memory
    refused = alices.post(START, {"file": upload(), **WRONG})
    page = refused.content.decode()
    assert refused.status_code == HTTPStatus.BAD_REQUEST
    assert "rows.csv is kept. Choose another file to replace it." in page
    assert not re.search(r'<input type="file"[^>]*\brequired\b', page)
    again = {"upload-file": kept(page), "start-token": "once"}
    still = alices.post(START, {**again, **WRONG}).content.decode()
    assert kept(still) == kept(page)
    for _click in range(2):  # the second one is answered as the first
        answer = alices.post(START, again)
        assert answer.status_code == HTTPStatus.SEE_OTHER
    job = Job.objects.get()
    assert answer["Location"] == job.get_absolute_url()
    with default_storage.open(job.params["file"]) as file:
        assert file.read() == CONTENT


def test_another_file_replaces_the_kept_one(alices: Client) -> None:
    page = alices.post(START, {"file": upload(), **WRONG}).content.decode()
    alices.post(START, {"upload-file": kept(page), "file": upload(b"c\n3\n")})
    with default_storage.open(Job.objects.get().params["file"]) as file:
        assert file.read() == b"c\n3\n"


def test_nobody_starts_with_the_upload_of_somebody_else(alices: Client, bobs: Client) -> None:
    page = alices.post(START, {"file": upload(), **WRONG}).content.decode()
    for given in (kept(page), "nonsense", "uploads/../x"):
        answer = bobs.post(START, {"upload-file": given})
        assert answer.status_code == HTTPStatus.BAD_REQUEST
    assert "no longer here" in bobs.post(START, {"upload-file": kept(page)}).content.decode()
    assert not Job.objects.exists()


def test_a_wrong_file_is_refused_and_not_kept(alices: Client) -> None:
    page = alices.post(START, {"file": upload(b"%PDF-1.7 ...")}).content.decode()
    assert "This is a PDF document, not a text file: choose another one." in page
    assert kept(page) is None
    assert not Upload.objects.exists()


def test_each_of_several_files_is_kept(alices: Client) -> None:
    url = f"/jobs/start/{parameter_kinds.compare.job_kind}/"
    page = alices.post(url, {"new": upload(b"2")}).content.decode()
    [new] = re.findall(r'name="upload-new" value="([\w-]+)"', page)
    answer = alices.post(url, {"upload-new": new, "old": upload(b"1")})
    assert answer.status_code == HTTPStatus.SEE_OTHER
    params = Job.objects.get().params
    for name, content in {"old": b"1", "new": b"2"}.items():
        with default_storage.open(params[name]) as file:
            assert file.read() == content


def test_what_is_kept_counts(alices: Client, settings: Settings) -> None:
    settings.HEADWAY = settings.HEADWAY | {"UPLOAD_MAX_PER_USER": 1}
    pages = [alices.post(START, {"file": upload(), **WRONG}).content.decode() for _ in range(2)]
    assert [bool(kept(page)) for page in pages] == [True, False]


def test_a_form_tells_what_has_been_begun_and_only_those_with_files_load_the_script(
    alices: Client, bobs: Client
) -> None:
    alices.post(START, {"file": upload(), **WRONG})
    found = Upload.objects.get()
    page = alices.get(START).content.decode()
    assert f"/jobs/uploads/{found.pk}/" in page
    assert "live/uploads.js" in page
    assert str(found.pk) not in bobs.get(START).content.decode()
    assert "live/uploads.js" not in alices.get("/jobs/start/simulate/").content.decode()
    uploading.discard(found)

"""A full disk is told in words: of an upload, and of a result file. The kernel refuses the write,
by RLIMIT_FSIZE: that takes no disk."""

import gc
import os
import resource
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from pytest_django import Settings

from headway.kinds.masking import Mask
from headway.lifecycle import errors, uploading
from headway.models import Job, Upload

LARGEST = 8 * 1024**2
"""Bytes: the database of the tests is smaller."""


@pytest.fixture
def full() -> Iterator[None]:
    """No file of this process can become larger than LARGEST."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (LARGEST, hard))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    signal.signal(signal.SIGXFSZ, before)


# Django leaves the file open in which it had not all of the upload: it goes with the traceback,
# which the answer and the lines of the log hold
@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.django_db
def test_an_upload_for_which_there_is_no_space(
    settings: Settings,
    tmp_path: Path,
    alice: User,
    full: None,
    caplog: pytest.LogCaptureFixture,
) -> None:
    del full
    settings.FILE_UPLOAD_TEMP_DIR = str(tmp_path)
    client = Client(raise_request_exception=False)
    client.force_login(alice)
    large = SimpleUploadedFile("a.csv", b"a,b\n" + b"1,2\n" * (LARGEST // 2))
    answer = client.post("/jobs/start/import-csv/", {"file": large})
    assert answer.status_code == 507
    assert "no space left for this file" in answer.content.decode()
    assert not Job.objects.exists()
    for record in caplog.records:
        record.__dict__.update(exc_info=None, request=None)
    del answer
    gc.collect()


@pytest.mark.django_db
def test_a_part_of_an_upload_for_which_there_is_no_space(alice: User, full: None) -> None:
    del full
    client = Client()
    client.force_login(alice)
    upload = uploading.begin(alice, Upload(kind="import-csv", field="file", size=2 * LARGEST))
    os.truncate(uploading.path_of(upload), LARGEST - 10)
    headers = {"Tus-Resumable": "1.0.0", "Upload-Offset": str(LARGEST - 10)}
    kind = "application/offset+octet-stream"
    url = f"/jobs/uploads/{upload.pk}/"
    answer = client.patch(url, b"x" * 100, content_type=kind, headers=headers)
    assert answer.status_code == 507
    assert "no space left for this file" in answer.json()["detail"]
    assert uploading.offset_of(upload) == LARGEST - 10
    uploading.discard(upload)


def test_a_result_for_which_there_is_no_space(tmp_path: Path, full: None) -> None:
    del full
    with pytest.raises(OSError) as refused:  # noqa: PT011 - which one is what is tested
        (tmp_path / "result").write_bytes(b"x" * (LARGEST + 1))
    told = errors.sentence(refused.value, Job().pk, Mask())
    assert told.startswith("There is no space left to store files.")

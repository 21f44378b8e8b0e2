"""The three kinds started like a user's and run by a real worker."""

from typing import Any

import pytest
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile

from headway.lifecycle import actions, snapshots
from headway.models import TERMINAL, Attempt, Job, Status
from jobs.models import ImportedRow
from tests.kinds.archives import a_tar
from tests.support.processes import wait_until
from tests.support.stack import Worker

pytestmark = pytest.mark.django_db(transaction=True)
AMOUNTS = ("unit", "current", "total")


def ended(job: Job) -> Job:
    """The job once it has ended."""

    def look() -> Job | None:
        return Job.objects.filter(pk=job.pk, status__in=TERMINAL).first()

    found = wait_until(look)
    assert found is not None
    return found


def content_of(job: Job, name: str) -> bytes:
    with default_storage.open(job.file_path(name)) as file:
        content: bytes = file.read()
    return content


def said(job: Job) -> tuple[Any, ...]:
    """What a client is told of the amounts, from the log and from the database alike."""
    _, states = snapshots.live([job])
    live: dict[str, Any] = {**states[str(job.pk)]}
    kept: dict[str, Any] = {**snapshots.snapshot(job)}
    assert [live[name] for name in AMOUNTS] == [kept[name] for name in AMOUNTS]
    return tuple(kept[name] for name in AMOUNTS)


def test_a_csv_upload_becomes_rows_warnings_and_rejects(worker: Worker) -> None:
    del worker
    upload = SimpleUploadedFile("people.csv", b"name,age\nAnn,41\nBob\n")
    job = ended(actions.start("import-csv", {"file": upload}))
    assert (job.status, job.warning_count, job.files) == (Status.SUCCEEDED, 1, ["rejects.csv"])
    assert job.result is not None
    assert job.result["rows"] == 1
    assert ImportedRow.objects.get(job=job).data == {"name": "Ann", "age": "41"}
    assert Attempt.objects.get(job=job).checkpoint == {"line": 2}
    assert said(job) == ("kB", 0.02, 0.02)
    assert b"3,it has 1 column instead of 2,Bob" in content_of(job, "rejects.csv")


def test_a_bad_upload_fails_with_its_sentence(worker: Worker) -> None:
    del worker
    upload = SimpleUploadedFile("picture.csv", b"\x89PNG\r\n\x1a\n" + bytes(100))
    job = ended(actions.start("import-csv", {"file": upload}))
    assert job.status == Status.FAILED
    assert job.reason == ("This is a PNG picture, not a CSV file. Please save it as CSV first.")


def test_an_archive_upload_becomes_a_file_of_checksums(worker: Worker) -> None:
    del worker
    upload = SimpleUploadedFile("files.tar.gz", a_tar({"a": b"", "b": b"x"}, "gz"))
    job = ended(actions.start("checksum-archive", {"file": upload}))
    assert (job.status, job.result) == (Status.SUCCEEDED, {"files": 2, "bytes": 1})
    unit, current, total = said(job)
    assert (unit, current) == ("kB", total)
    empty = b"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert content_of(job, "SHA256SUMS").startswith(empty + b"  a\n")


def test_a_simulation_fails_where_it_was_told_to(worker: Worker) -> None:
    del worker
    job = ended(actions.start("simulate", {"seconds": 0.1, "steps": 10, "fail_at": 50}))
    assert (job.status, job.reason) == (Status.FAILED, "Failed at 50%, as asked.")
    assert job.percent == 50
    assert said(job)[0] == ""

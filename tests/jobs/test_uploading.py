"""Uploads in parts: what is kept of them, for whom, how much and how long."""

import io
import os
import time
import uuid
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.core.files.base import ContentFile
from django.core.files.storage import InMemoryStorage, default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone
from pytest_django import Settings

from headway.checks import check_settings
from headway.lifecycle import actions, audit, leftovers, person, uploading
from headway.models import Job, Upload
from tests.jobs import rows

pytestmark = pytest.mark.django_db
CONTENT = b"a,b\n1,2\n"


@pytest.fixture(autouse=True)
def _no_files_before_or_after() -> Iterator[None]:
    yield
    for name in stored():
        (uploading.folder() / name).unlink()


def stored() -> list[str]:
    """The files of uploads."""
    place = uploading.folder()
    return [path.name for path in place.iterdir()] if place.is_dir() else []


def begun(owner: User, size: int = len(CONTENT), name: str = "a.csv") -> Upload:
    upload = Upload(kind="import-csv", field="file", name=name, size=size)
    return uploading.begin(owner, upload)


def whole(owner: User) -> Upload:
    upload = begun(owner)
    uploading.append(upload, 0, io.BytesIO(CONTENT))
    return upload


def left_alone(upload: Upload, seconds: float) -> None:
    """As if nothing had happened to it for so long."""
    then = time.time() - seconds
    os.utime(uploading.path_of(upload), (then, then))
    Upload.objects.filter(pk=upload.pk).update(created_at=timezone.now() - timedelta(0, seconds))


def limits(settings: Settings, **values: int) -> None:
    settings.HEADWAY = settings.HEADWAY | values


def test_parts_follow_one_another_or_are_refused(alice: User) -> None:
    upload = begun(alice)
    assert uploading.append(upload, 0, io.BytesIO(CONTENT[:3])) == 3
    for wrong in (0, 2, 4):
        with pytest.raises(uploading.OffsetError):
            uploading.append(upload, wrong, io.BytesIO(b"x"))
    with pytest.raises(uploading.TooLongError):
        uploading.append(upload, 3, io.BytesIO(CONTENT))
    assert uploading.offset_of(upload) == 3
    assert uploading.append(upload, 3, io.BytesIO(CONTENT[3:])) == len(CONTENT)
    with uploading.opened(upload) as file:
        assert file.read() == CONTENT


def test_what_is_incomplete_or_gone_is_no_file(alice: User) -> None:
    upload = begun(alice)
    with pytest.raises(FileNotFoundError):
        uploading.opened(upload)
    uploading.discard(upload)
    with pytest.raises(FileNotFoundError):
        uploading.append(upload, 0, io.BytesIO(CONTENT))


def test_a_job_gets_the_file_itself_and_not_a_copy(alice: User) -> None:
    upload = whole(alice)
    number = uploading.path_of(upload).stat().st_ino
    with uploading.opened(upload) as file:
        job = actions.start("import-csv", {"file": file}, owner=alice)
    assert Path(default_storage.path(job.params["file"])).stat().st_ino == number
    uploading.used([upload], job)
    assert stored() == []
    upload.refresh_from_db()
    with uploading.opened(upload) as file:  # the same start once more
        assert file.read() == CONTENT


def test_two_jobs_that_are_started_with_it_at_once_both_have_it(alice: User) -> None:
    upload = whole(alice)
    with uploading.opened(upload) as one, uploading.opened(upload) as other:
        first = actions.start("import-csv", {"file": one}, owner=alice)
        uploading.used([upload], first)
        second = actions.start("import-csv", {"file": other}, owner=alice)
        uploading.used([upload], second)
    for job in (first, second):
        with default_storage.open(job.params["file"]) as file:
            assert file.read() == CONTENT
    assert stored() == []


def test_a_start_that_fails_leaves_the_upload(alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
    upload = whole(alice)
    monkeypatch.setattr(audit, "insert", lambda _job: 1 / 0)
    with uploading.opened(upload) as file, pytest.raises(ZeroDivisionError):
        actions.start("import-csv", {"file": file}, owner=alice)
    with uploading.opened(upload) as file:
        assert file.read() == CONTENT


def test_a_storage_that_is_no_folder_is_given_the_content(
    alice: User, settings: Settings, tmp_path: Path
) -> None:
    memory = {"BACKEND": f"{InMemoryStorage.__module__}.InMemoryStorage"}
    settings.STORAGES = settings.STORAGES | {"default": memory}
    settings.FILE_UPLOAD_TEMP_DIR = tmp_path
    with uploading.opened(whole(alice)) as file:
        job = actions.start("import-csv", {"file": file}, owner=alice)
    with default_storage.open(job.params["file"]) as stored:
        assert stored.read() == CONTENT


def test_one_user_has_so_many_uploads_and_bytes(alice: User, bob: User, settings: Settings) -> None:
    limits(settings, UPLOAD_MAX_PER_USER=2, UPLOAD_MAX_BYTES_PER_USER=100)
    begun(alice, 10)
    with pytest.raises(actions.LimitError, match="together"):
        begun(alice, 91)
    begun(alice, 90)
    with pytest.raises(actions.LimitError, match="At most 2"):
        begun(alice, 0)
    begun(bob, 100)
    assert Upload.objects.filter(owner_id=alice.pk).count() == 2
    limits(settings, UPLOAD_MAX_BYTES=5)
    with pytest.raises(uploading.TooLongError):
        begun(bob, 6)


def test_what_its_owner_has_forgotten_gives_way(alice: User, settings: Settings) -> None:
    limits(settings, UPLOAD_MAX_PER_USER=2)
    forgotten, recent = begun(alice), begun(alice)
    left_alone(forgotten, uploading.IDLE + 10)
    new = begun(alice)
    assert [*Upload.objects.all()] == [recent, new]
    assert not uploading.path_of(forgotten).exists()


def test_more_than_there_is_space_for_is_refused_before_it_is_sent(
    alice: User, settings: Settings
) -> None:
    limits(settings, UPLOAD_MAX_BYTES=2**40, UPLOAD_MAX_BYTES_PER_USER=2**40)
    with pytest.raises(OSError, match="too little space"):
        begun(alice, 2**40)
    assert not Upload.objects.exists()


def test_uploads_expire_unless_they_go_on(
    alice: User, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leftovers, "_looked", {})
    limits(settings, UPLOAD_KEPT=100)
    idle, busy, used = begun(alice), begun(alice), whole(alice)
    Upload.objects.filter(pk=used.pk).update(stored="uploads/x")
    for upload in (idle, busy, used):
        left_alone(upload, 200)
    uploading.append(busy, 0, io.BytesIO(b"x"))
    stray = uploading.folder() / f"{uuid.uuid4()}"
    stray.touch()
    os.utime(stray, (1, 1))
    leftovers.expire_uploads()
    assert [*Upload.objects.all()] == [busy]
    assert stored() == [str(busy.pk)]


def test_the_files_of_a_refused_form_are_kept_however_they_came(alice: User) -> None:
    for name, file in {
        "small": SimpleUploadedFile("a.csv", CONTENT),
        "arrived": uploading.opened(whole(alice)),
    }.items():
        upload = Upload(kind="import-csv", field="file", name=name, size=len(CONTENT))
        with file, uploading.opened(uploading.keep(alice, upload, file)) as kept:
            assert kept.read() == CONTENT


def test_a_person_takes_their_uploads_along(alice: User, bob: User) -> None:
    upload, other = begun(alice), begun(bob)
    archive = io.BytesIO()
    person.export(alice, archive)
    assert b"uploads.jsonl" in archive.getvalue()
    person.erase(alice)
    assert [*Upload.objects.all()] == [other]
    assert not uploading.path_of(upload).exists()


def test_files_may_expire_before_their_job(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leftovers, "_looked", {})
    limits(settings, UPLOAD_DAYS=3, RESULT_DAYS=30)
    jobs: list[Job] = [
        rows.queued(status="succeeded", attempt=1, finished_at=rows.ago(days * 86400))
        for days in (1, 5, 31)
    ]
    places = {f"{place}/{job.pk}/a" for job in jobs for place in ("uploads", "results")}
    for place in places:
        default_storage.save(place, ContentFile(b"x"))
    leftovers.remove_orphans()
    left = {place for place in places if default_storage.exists(place)}
    assert left == {
        f"uploads/{jobs[0].pk}/a",
        f"results/{jobs[0].pk}/a",
        f"results/{jobs[1].pk}/a",
    }


def test_limits_that_contradict_one_another_are_an_error(settings: Settings) -> None:
    limits(settings, UPLOAD_MAX_BYTES_PER_USER=1)
    assert "UPLOAD_MAX_BYTES_PER_USER" in check_settings()[0].msg
    limits(settings, UPLOAD_MAX_BYTES_PER_USER=2**40, BODY_MAX_BYTES=10**6)
    assert "UPLOAD_PART_BYTES" in check_settings()[0].msg

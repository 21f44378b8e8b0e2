"""Uploads that arrive in parts: each is a file of its own beside the files of jobs, so that a job
which is started with it gets it by a new name and not as a copy (docs/adr/0059)."""

import contextlib
import errno
import fcntl
import hashlib
import os
import shutil
import tempfile
import time
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path
from typing import IO, Any, NamedTuple, Protocol

from django.conf import settings
from django.core.files.move import file_move_safe
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import UploadedFile
from django.db.models import Count, Sum
from django.template.defaultfilters import filesizeformat
from django.utils import timezone
from django.utils.translation import gettext as _

from headway.conf import conf
from headway.lifecycle.actions import ActionError, LimitError
from headway.models import Job, Upload
from headway.policy import policy

BLOCK = 64 * 1024
BATCH = 200
"""Rows of one statement."""
IDLE = 3600.0
"""Seconds without a new part, after which an upload gives way to another of the same user."""
MINUTE = 60


class OffsetError(ActionError):
    """A part does not follow on what is here."""


class TooLongError(ActionError):
    """A part goes beyond the end of its file, or is larger than a part may be."""


class ChecksumError(ActionError):
    """A part is not what its sender has sent."""


class Readable(Protocol):
    """A part: a request, or what reads like one."""

    def read(self, size: int, /) -> bytes: ...


class Checksum(NamedTuple):
    """What a part must add up to."""

    algorithm: str
    digest: bytes


class Arrived(UploadedFile):  # type: ignore[type-arg]  # generic to the type checker alone
    """An upload that is complete. A storage that moves files gets another name of it to move, so
    that nothing is lost when the job cannot be stored after all."""

    def __init__(self, upload: Upload) -> None:
        self._path = path_of(upload)
        self._link = self._path.with_name(f"{upload.pk}.{os.urandom(6).hex()}")
        super().__init__(self._path.open("rb"), upload.name, size=upload.size)

    def temporary_file_path(self) -> str:
        """The name that FileSystemStorage moves."""
        try:
            os.link(self._path, self._link)
        except FileExistsError:
            pass
        except FileNotFoundError:  # another job has just been started with it
            self.seek(0)
            with self._link.open("wb") as copy:
                shutil.copyfileobj(self, copy)
        except OSError:  # a file system without links
            return str(self._path)
        return str(self._link)


def folder() -> Path:
    """Where the files are: within the storage where that is a folder."""
    try:
        return Path(default_storage.path("unfinished"))
    except NotImplementedError:
        return Path(settings.FILE_UPLOAD_TEMP_DIR or tempfile.gettempdir()) / "headway-unfinished"


def path_of(upload: Upload) -> Path:
    """Its file."""
    return folder() / str(upload.pk)


def begin(owner: Any, upload: Upload) -> Upload:
    """Stores a new upload of which nothing is here yet. Raises TooLongError, LimitError where the
    user has too many, and the OSError of a full disk."""
    if upload.size > conf.UPLOAD_MAX_BYTES:
        largest = filesizeformat(conf.UPLOAD_MAX_BYTES)
        raise TooLongError(_("Files may be up to %(largest)s.") % {"largest": largest})
    upload.owner_id = owner.pk
    upload.save(force_insert=True)
    try:
        if policy.is_limited(owner):
            _require_room(upload)
        place = _made(folder())
        if shutil.disk_usage(place).free < upload.size:
            raise OSError(errno.ENOSPC, "too little space is free")
        path_of(upload).touch(0o600, exist_ok=False)
    except BaseException:
        upload.delete()
        raise
    return upload


def offset_of(upload: Upload) -> int:
    """How many bytes of it are here. Raises FileNotFoundError when it is gone."""
    return upload.size if upload.stored else path_of(upload).stat().st_size


def expires_at(upload: Upload) -> float:
    """When it is deleted unless another part comes before, in seconds since 1970."""
    return path_of(upload).stat().st_mtime + conf.UPLOAD_KEPT


def append(upload: Upload, at: int, part: Readable, checksum: Checksum | None = None) -> int:
    """Writes the bytes from `at` on, and returns up to where it is here now.

    Raises OffsetError, TooLongError or ChecksumError, FileNotFoundError when it is gone, and the
    OSError of a full disk: nothing of the part is kept then.
    """
    with path_of(upload).open("r+b", buffering=0) as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # of two that send the same part the second is refused
        end = file.seek(0, os.SEEK_END)
        if end != at:
            raise OffsetError(_("%(end)s bytes of this upload are here.") % {"end": end})
        try:
            return end + _write(file, part, upload.size - end, checksum)
        except BaseException:
            file.truncate(end)
            raise


def _write(file: IO[bytes], part: Readable, most: int, checksum: Checksum | None) -> int:
    count, digest = 0, hashlib.new(checksum.algorithm, usedforsecurity=False) if checksum else None
    while block := part.read(BLOCK):
        count += len(block)
        if count > min(most, conf.UPLOAD_PART_BYTES):
            raise TooLongError(
                _("This part is longer than what is missing, or than a part may be.")
            )
        if digest:
            digest.update(block)
        view = memoryview(block)
        while view:
            view = view[file.write(view) :]
    if checksum and digest and digest.digest() != checksum.digest:
        raise ChecksumError(_("This part has changed on its way. Send it again."))
    return count


def discard(upload: Upload) -> None:
    """Deletes an upload; a job that was started with it keeps its file."""
    path = path_of(upload)
    upload.delete()
    path.unlink(missing_ok=True)


def keep(owner: Any, upload: Upload, file: "UploadedFile[bytes]") -> Upload:
    """Makes an upload of a file that came whole, with a form that was refused."""
    begin(owner, upload)
    path = path_of(upload)
    if hasattr(file, "temporary_file_path"):
        file_move_safe(file.temporary_file_path(), str(path), allow_overwrite=True)
    else:
        file.seek(0)
        with path.open("wb") as whole:
            whole.writelines(file.chunks())
    os.utime(path)
    return upload


def opened(upload: Upload) -> "UploadedFile[bytes]":
    """The file. Raises FileNotFoundError when it is gone, or not all of it is here."""
    if upload.stored:
        stored = default_storage.open(upload.stored)
        return UploadedFile(stored, upload.name, size=stored.size)
    if offset_of(upload) != upload.size:
        raise FileNotFoundError(upload.name)
    return Arrived(upload)


def used(uploads: Iterable[Upload], job: Job) -> None:
    """Notes that a job was started with them, so that the same start finds the same file again."""
    for upload in uploads:
        if not upload.stored:
            stored = str(job.params.get(upload.field) or f"uploads/{job.pk}/")
            Upload.objects.filter(pk=upload.pk).update(stored=stored)
            path_of(upload).unlink(missing_ok=True)


def waiting(owner: Any) -> Any:
    """Uploads of a user that no job was started with."""
    return Upload.objects.filter(owner_id=owner.pk, stored="")


def expire() -> None:
    """Deletes what nobody has continued or used for UPLOAD_KEPT; the janitor calls this."""
    old = Upload.objects.filter(created_at__lt=timezone.now() - timedelta(0, conf.UPLOAD_KEPT))
    done = old.exclude(stored="").values_list("pk", flat=True)
    while found := list(done[:BATCH]):
        Upload.objects.filter(pk__in=found).delete()
    for upload in old.filter(stored=""):
        if _idle(path_of(upload)) > conf.UPLOAD_KEPT:
            discard(upload)
    if folder().is_dir():
        _remove_strays()


def _remove_strays() -> None:
    """Files without a row: of users who are gone, and names that no storage has moved."""
    names = (entry.name for entry in os.scandir(folder()))
    strays = {name for name in names if _idle(folder() / name) > conf.UPLOAD_KEPT}
    if strays:
        known = {str(pk) for pk in Upload.objects.filter(stored="").values_list("pk", flat=True)}
        for name in strays - known:
            (folder() / name).unlink(missing_ok=True)


def _require_room(new: Upload) -> None:
    """Raises LimitError when the owner has more than one user may. What has been idle goes first:
    its owner has forgotten it, and could not tell us otherwise."""
    others = Upload.objects.filter(owner_id=new.owner_id, stored="").exclude(pk=new.pk)
    idle = (each for each in others if _idle(path_of(each)) > IDLE)
    while refusal := _refusal(others, new):
        if (oldest := next(idle, None)) is None:
            error = LimitError(refusal)
            error.retry_after = MINUTE
            raise error
        discard(oldest)


def _refusal(others: Any, new: Upload) -> str:
    have = others.aggregate(count=Count("pk"), bytes=Sum("size"))
    if have["count"] >= conf.UPLOAD_MAX_PER_USER:
        most = conf.UPLOAD_MAX_PER_USER
        return _("At most %(most)s of your uploads can wait at a time.") % {"most": most}
    if (have["bytes"] or 0) + new.size > conf.UPLOAD_MAX_BYTES_PER_USER:
        largest = filesizeformat(conf.UPLOAD_MAX_BYTES_PER_USER)
        told = _("Your uploads that wait may have %(largest)s together.")
        return told % {"largest": largest}
    return ""


def _idle(path: Path) -> float:
    """Seconds since something was written; for ever where there is no file."""
    with contextlib.suppress(FileNotFoundError):
        return time.time() - path.stat().st_mtime
    return float("inf")


def _made(place: Path) -> Path:
    place.mkdir(0o700, parents=True, exist_ok=True)
    return place

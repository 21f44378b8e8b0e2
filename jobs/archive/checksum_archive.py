"""Checksum archive: the SHA-256 of every file in an uploaded archive, without unpacking it."""

import hashlib
from collections.abc import Iterator
from typing import Any

from django import forms
from django.core.files import File
from django.utils.translation import gettext_lazy as _

from headway import job_task, progress
from headway.kinds.file_types import FirstBytes
from jobs.archive.archive_member import Member, damage_as_job_error
from jobs.archive.archive_tar import tar_members
from jobs.archive.archive_zip import zip_members
from jobs.uploads import GRACE, MAX_SECONDS, UploadField, opened


class ChecksumArchiveForm(forms.Form):
    file = UploadField(
        label=_("Archive"),
        validators=[FirstBytes("zip", "tar", "gzip", "bzip2", "xz")],
        help_text=_(
            "ZIP or tar, the latter also packed with gzip, bzip2 or xz. Archives inside of it"
            " count as files; links are left out, with a warning."
        ),
    )


@job_task(
    title=_("Checksum archive"),
    form=ChecksumArchiveForm,
    max_attempts=3,
    unit="kB",
    soft_time_limit=MAX_SECONDS,
    time_limit=MAX_SECONDS + GRACE,
)
def checksum_archive(file: str) -> dict[str, Any]:
    """Computes the SHA-256 of every file in a ZIP or tar archive. The result file SHA256SUMS can
    be checked by sha256sum -c where the archive was unpacked.

    `file` is a name in the default storage. Nothing is unpacked to disk; archives that are
    damaged, encrypted, out of proportion or lead out of their folder are refused as a whole.
    """
    sums: dict[str, str] = {}
    size = 0
    with opened(file) as upload:
        for member in read_archive(upload):
            progress.update(upload.tell() / 1000, upload.size / 1000, member.name)
            if member.skipped:
                progress.warn(member.name, member.skipped)
                continue
            if member.name in sums:
                progress.warn(member.name, "is in the archive more than once; the last one counts")
            digest = hashlib.sha256()
            for block in member.blocks():
                digest.update(block)
                progress.update(upload.tell() / 1000)
            sums[member.name] = digest.hexdigest()
            size += member.size
    if not sums:
        progress.warn("archive", "has no files")
    with progress.result_file("SHA256SUMS", mode="wb") as checksums:
        checksums.writelines(checksum_line(name, sums[name]) for name in sums)
    return {"files": len(sums), "bytes": size}


def read_archive(file: File[bytes]) -> Iterator[Member]:
    """The members of the archive. Raises InputError when it cannot be read or must not be."""
    head = file.read(2)
    file.seek(0)
    with damage_as_job_error("its headers"):
        yield from zip_members(file) if head == b"PK" else tar_members(file)


def checksum_line(name: str, digest: str) -> bytes:
    """A line as GNU sha256sum writes and checks it, which escapes what would end the line."""
    if name == "-":
        name = "./-"  # on its own it means standard input
    escaped = name.replace("\\", "\\\\").replace("\n", "\\n").replace("\r", "\\r")
    mark = "\\" if escaped != name else ""
    return f"{mark}{digest}  {escaped}\n".encode("utf-8", "surrogateescape")

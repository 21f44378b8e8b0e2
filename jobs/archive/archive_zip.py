"""Reads ZIP archives without trusting any number in them."""

import copy
import stat
import zipfile
from collections.abc import Iterator
from functools import partial
from itertools import pairwise
from typing import IO, cast

from django.core.files import File

from headway import InputError
from jobs.archive.archive_member import (
    BLOCK,
    MAX_MEMBERS,
    Member,
    check_name,
    most_bytes,
    refuse_bomb,
    refuse_crowd,
)

MAX_CONTENTS = 16 << 20
"""Bytes of the table of contents, which zipfile reads at once and keeps as about 6 times that."""
ENCRYPTED = 0x1
METHODS = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})
"""Of other methods zipfile unpacks whole blocks, however large they turn out to be."""


def zip_members(file: File[bytes]) -> Iterator[Member]:
    """Members in the order of their place in the file; all are checked before the first."""
    reader = _SmallReads(file)
    if not zipfile.is_zipfile(reader):
        raise InputError("The ZIP archive has no table of contents at its end: it is cut short.")
    with zipfile.ZipFile(reader) as archive:
        infos = sorted(archive.infolist(), key=lambda info: info.header_offset)
        _check(infos, most_bytes(file.size))
        for info in infos:
            if not info.is_dir():
                content = partial(archive.open, _longer(info))
                yield Member(info.filename, info.file_size, _special(info), content)


def _check(infos: list[zipfile.ZipInfo], limit: int) -> None:
    if len(infos) > MAX_MEMBERS:
        raise refuse_crowd(MAX_MEMBERS)
    if sum(info.file_size for info in infos) > limit:
        raise refuse_bomb(limit)
    for info, following in pairwise(infos):
        if info.header_offset + info.compress_size > following.header_offset:
            raise InputError(f"{info.filename} and {following.filename} share bytes: rejected.")
    for info in infos:
        check_name(info.orig_filename)
        if info.flag_bits & ENCRYPTED:
            raise InputError(f"{info.filename} is encrypted: its content cannot be read.")
        if info.compress_type not in METHODS:
            raise InputError(
                f"{info.filename} is compressed with method {info.compress_type}; only the usual"
                " one, deflate, can be read."
            )


def _longer(info: zipfile.ZipInfo) -> zipfile.ZipInfo:
    # zipfile cuts the content off at the declared size: what comes after shall show.
    longer = copy.copy(info)
    longer.file_size += BLOCK
    return longer


def _special(info: zipfile.ZipInfo) -> str:
    mode = info.external_attr >> 16
    if stat.S_ISLNK(mode):
        return "is a symbolic link, which has no content of its own"
    if stat.S_IFMT(mode) not in (0, stat.S_IFREG):
        return "is not a regular file"
    return ""


class _SmallReads:
    """The file, but it refuses to be read in large pieces."""

    def __init__(self, file: File[bytes]) -> None:
        self._file: IO[bytes] = cast(IO[bytes], file)
        self._size = file.size

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = 0, /) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def read(self, size: int = -1, /) -> bytes:
        if size < 0:
            size = self._size - self._file.tell()
        if size > MAX_CONTENTS:
            raise InputError("The archive's table of contents is too large: rejected.")
        return self._file.read(size)

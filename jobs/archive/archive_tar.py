"""Reads tar archives, compressed or not, from front to back, in constant memory whatever they
claim."""

import bz2
import gzip
import lzma
import tarfile
from collections.abc import Iterator
from functools import partial
from typing import IO, Any, cast

from django.core.files import File

from headway import InputError, progress
from jobs.archive.archive_member import (
    BLOCK,
    MAX_MEMBERS,
    Member,
    Readable,
    check_name,
    most_bytes,
    refuse_bomb,
    refuse_crowd,
)

MAX_HEADER = 1 << 20
"""Bytes of one member's headers, which tarfile keeps in memory."""
XZ_MEMORY = 128 << 20
"""Bytes of memory for unpacking xz; `xz -9` needs 65 MiB, a header may ask for 4 GiB."""


def tar_members(file: File[bytes]) -> Iterator[Member]:
    """Members as they come. Reading on skips what is left of the one before."""
    unpacked = _Unpacked(_unpacker(file), most_bytes(file.size))
    try:
        tar = tarfile.open(  # noqa: SIM115 - it holds nothing open but `file`
            fileobj=cast(IO[bytes], unpacked), mode="r:", errors="surrogateescape"
        )
    except tarfile.ReadError:
        raise InputError("This is neither a ZIP nor a tar archive, compressed or not.") from None
    count = size = 0
    while info := tar.next():
        count += 1
        size += info.size  # of a sparse file, more than the archive has bytes
        if count > MAX_MEMBERS:
            raise refuse_crowd(MAX_MEMBERS)
        if size > unpacked.limit:
            raise refuse_bomb(unpacked.limit)
        check_name(info.name)
        if not info.isdir():
            yield Member(info.name, info.size, _special(info), partial(_content, tar, info))
        unpacked.expect(MAX_HEADER)
        kept = cast(Any, tar)  # tarfile keeps what it has read, in attributes unknown to mypy
        kept.members.clear()
        kept.pax_headers.clear()
    _check_end(unpacked)


def _content(tar: tarfile.TarFile, info: tarfile.TarInfo) -> Readable:
    unpacked = cast(_Unpacked, tar.fileobj)
    if info.size < 0:
        raise tarfile.ReadError("its size is negative")
    unpacked.expect(info.size)
    return cast(Readable, tar.extractfile(info))


def _special(info: tarfile.TarInfo) -> str:
    if info.issym():
        return "is a symbolic link, which has no content of its own"
    if info.islnk():
        return f"is another name of {info.linkname}, a hard link"
    if info.isdev():
        return "is a device or a pipe"
    return ""


def _check_end(unpacked: "_Unpacked") -> None:
    """tarfile takes whatever it does not understand for the end; the real end is a zero block."""
    if not unpacked.last:
        progress.warn("archive", "has no end mark: it may have been cut short")
    elif len(unpacked.last) < tarfile.BLOCKSIZE or unpacked.last.strip(b"\0"):
        raise InputError("The archive is damaged: a member's header is broken or cut short.")
    unpacked.expect(unpacked.limit + BLOCK)
    while unpacked.read(BLOCK):
        pass  # the checksum of a packed file comes last


def _unpacker(file: File[bytes]) -> Readable:
    head = file.read(6)
    file.seek(0)
    raw = cast(IO[bytes], file)
    if head.startswith(b"\x1f\x8b"):
        return gzip.GzipFile(fileobj=raw)
    if head.startswith(b"BZh"):
        return bz2.BZ2File(raw)
    if head == b"\xfd7zXZ\0":
        return _Xz(raw)
    return raw


class _Xz:
    """lzma.LZMAFile with a limit on the memory that the file may ask for."""

    def __init__(self, file: Readable) -> None:
        self._file = file
        self._stream = self._begin()

    def _begin(self) -> lzma.LZMADecompressor:
        return lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=XZ_MEMORY)

    def read(self, size: int, /) -> bytes:
        while True:
            packed = b""
            if self._stream.eof:
                packed = self._stream.unused_data or self._file.read(BLOCK)
                packed = packed.lstrip(b"\0")
                if not packed:
                    return b""
                self._stream = self._begin()
            elif self._stream.needs_input:
                packed = self._file.read(BLOCK)
                if not packed:
                    raise EOFError
            if block := self._stream.decompress(packed, size):
                return block


class _Unpacked:
    """The unpacked bytes as a file that only goes forward and gives no more than is expected."""

    def __init__(self, source: Readable, limit: int) -> None:
        self.limit = limit
        self.last = b""
        "What the last read gave."
        self._source = source
        self._position = 0
        self._expected = MAX_HEADER

    def expect(self, size: int) -> None:
        """From here on at most `size` bytes may be read."""
        self._expected = size

    def tell(self) -> int:
        return self._position

    def seek(self, position: int) -> int:
        if position < self._position:
            raise tarfile.ReadError("it refers to what came before")
        while position > self._position and self._advance(min(BLOCK, position - self._position)):
            pass
        return self._position

    def read(self, size: int) -> bytes:
        if size > self._expected:
            raise InputError("A header of the archive is too large: rejected.")
        self.last = b"".join(self._pieces(size))
        self._expected -= len(self.last)
        return self.last

    def _pieces(self, size: int) -> Iterator[bytes]:
        while size and (piece := self._advance(size)):
            size -= len(piece)
            yield piece

    def _advance(self, size: int) -> bytes:
        piece = self._source.read(size)
        self._position += len(piece)
        if self._position > self.limit:
            raise refuse_bomb(self.limit)
        return piece

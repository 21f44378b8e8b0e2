"""What ZIP and tar archives have in common: members, their names, and limits."""

import gzip
import lzma
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

from django.template.defaultfilters import filesizeformat

from headway import InputError

BLOCK = 1 << 20  # bytes
MAX_MEMBERS = 100_000
MAX_BYTES = 100 << 30  # of the unpacked archive
MAX_RATIO = 200  # of unpacked to packed bytes ...
FREE_BYTES = 256 << 20  # ... once there are more than these


class Readable(Protocol):
    def read(self, size: int, /) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Member:
    """A file of an archive. `skipped` says why it has no content to read ("" when it has)."""

    name: str
    size: int
    skipped: str
    open: Callable[[], Readable]

    def blocks(self) -> Iterator[bytes]:
        """The content, a block at a time. Raises InputError when it is not as long as declared."""
        left = self.size
        with damage_as_job_error(self.name):
            content = self.open()
            while block := content.read(min(BLOCK, left + 1)):
                left -= len(block)
                if left < 0:
                    raise InputError(f"{self.name} is longer than the archive says: rejected.")
                yield block
        if left:
            raise InputError(f"{self.name} is cut short: {filesizeformat(left)} are missing.")


def check_name(name: str) -> None:
    """Raises InputError when unpacking a file of this name would write outside of the folder."""
    parts = name.replace("\\", "/").split("/")
    if ".." in parts:
        raise InputError(f"{name!r} leads out of the archive with '..': the archive is rejected.")
    if not parts[0] or parts[0][1:2] == ":":
        raise InputError(f"{name!r} is an absolute path: the archive is rejected.")
    if "\0" in name:
        raise InputError(f"{name!r} has a NUL character in its name: the archive is rejected.")


def most_bytes(packed: int) -> int:
    """How many bytes an archive of `packed` bytes may unpack to."""
    return min(MAX_BYTES, max(FREE_BYTES, MAX_RATIO * packed))


def refuse_bomb(limit: int) -> InputError:
    return InputError(
        f"The archive unpacks to more than {filesizeformat(limit)}, which is out of proportion"
        " to its size: rejected."
    )


def refuse_crowd(limit: int) -> InputError:
    return InputError(f"The archive has more than {limit:,} members: rejected.")


@contextmanager
def damage_as_job_error(where: str) -> Iterator[None]:
    """Turns what the libraries raise on broken archives into a sentence."""
    try:
        yield
    except EOFError:
        raise InputError(f"The archive ends in the middle of {where}: it is cut short.") from None
    except (
        zipfile.BadZipFile,
        tarfile.TarError,
        zlib.error,
        lzma.LZMAError,
        NotImplementedError,  # zipfile, of features it does not have
        RecursionError,  # tarfile, of thousands of extended headers in a row
        gzip.BadGzipFile,
    ) as error:
        raise InputError(f"The archive is damaged at {where}: {error}.") from error
    except (ValueError, OverflowError, OSError) as error:
        if isinstance(error, OSError) and error.errno:  # a disk's error, not one of bz2's
            raise
        # Anything raises these, and may tell of the inside.
        raise InputError(f"The archive is damaged at {where}.") from error

"""Archives for tests, honest ones and others."""

import io
import struct
import tarfile
import zipfile
from collections.abc import Iterable, Mapping

HEAD = struct.Struct("<4s4B4HL2L5H2L")  # of a member in a ZIP's table of contents


def a_zip(members: Mapping[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A ZIP archive of these names and contents."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name), content, compress_type=method)
    return file.getvalue()


def a_tar(members: Mapping[str, bytes], packing: str = "") -> bytes:
    """A tar archive of these names and contents, packed with "gz", "bz2", "xz" or not."""
    return a_tar_of(
        ((tarfile.TarInfo(name), content) for name, content in members.items()), packing
    )


def a_tar_of(members: Iterable[tuple[tarfile.TarInfo, bytes]], packing: str = "") -> bytes:
    """A tar archive of members that may be of any type; files get the size of their content."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode=f"w:{packing}") as archive:  # type: ignore[call-overload]  # a mode made of parts
        for info, content in members:
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return file.getvalue()


def special(name: str, kind: bytes, target: str = "") -> tarfile.TarInfo:
    """A tar member that is a link, a folder or a device."""
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


def lying(archive: bytes, **lies: int) -> bytes:
    """A ZIP of one member with other numbers in its table of contents: flags, method, packed,
    size, crc, attributes."""
    at = archive.rindex(b"PK\x01\x02")
    fields = list(HEAD.unpack_from(archive, at))
    places = {"flags": 5, "method": 6, "crc": 9, "packed": 10, "size": 11, "attributes": 17}
    for name, value in lies.items():
        fields[places[name]] = value
    changed = bytearray(archive)
    HEAD.pack_into(changed, at, *fields)
    return bytes(changed)

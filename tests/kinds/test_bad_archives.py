"""Archives that are damaged, lie, or mean harm: a sentence each, and no memory or disk filled."""

import gzip
import io
import lzma
import struct
import tarfile
import zipfile
import zlib

import pytest

from headway import JobError
from jobs.archive import archive_tar, archive_zip
from jobs.archive.checksum_archive import checksum_archive
from tests.kinds.archives import HEAD, a_tar, a_tar_of, a_zip, lying, special
from tests.kinds.conftest import Store, Trial

FILES = {"one": b"1" * 5000, "two": bytes(range(256)) * 200}


def refusal(trial: Trial, store: Store, content: bytes) -> str:
    with pytest.raises(JobError) as refused:
        trial.run(checksum_archive, file=store(content))
    assert trial.progress.files == []
    return str(refused.value)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "The file is empty."),
        (b"just some text\n" * 100, "This is neither a ZIP nor a tar archive"),
        (
            gzip.compress(b"just some text\n" * 100, mtime=0),
            "This is neither a ZIP nor a tar archive",
        ),
        (b"\x1f\x8b but not gzip", "The archive is damaged"),
        (b"BZh but not bzip2", "The archive is damaged"),
        (b"\xfd7zXZ\0 but not xz", "The archive is damaged"),
        (b"PK\x03\x04 but not zip", "The ZIP archive has no table of contents"),
    ],
)
def test_what_is_no_archive_is_refused(
    trial: Trial, store: Store, content: bytes, sentence: str
) -> None:
    assert sentence in refusal(trial, store, content)


@pytest.mark.parametrize(
    "name", ["../up", "a/../../up", "/etc/passwd", "..\\up", "C:\\windows", "\\\\server\\x"]
)
@pytest.mark.parametrize("pack", [a_zip, a_tar])
def test_names_that_lead_out_are_refused(
    trial: Trial, store: Store, name: str, pack: object
) -> None:
    content = pack({"fine": b"x", name: b"y"})  # type: ignore[operator]  # one of the two functions
    sentence = refusal(trial, store, content)
    assert sentence.endswith("the archive is rejected.")
    assert repr(name) in sentence


@pytest.mark.parametrize("packing", ["", "gz", "bz2", "xz"])
def test_a_tar_cut_anywhere_is_noticed(trial: Trial, store: Store, packing: str) -> None:
    whole = a_tar(FILES, packing)
    for share in (0.2, 0.5, 0.7):
        sentence = refusal(trial, store, whole[: int(len(whole) * share)])
        assert "cut short" in sentence or "damaged" in sentence


def test_a_zip_cut_anywhere_is_noticed(trial: Trial, store: Store) -> None:
    whole = a_zip(FILES, zipfile.ZIP_STORED)
    for share in (0.2, 0.5, 0.99):
        assert "cut short" in refusal(trial, store, whole[: int(len(whole) * share)])


def test_a_tar_without_an_end_mark_gets_a_warning(trial: Trial, store: Store) -> None:
    trial.run(checksum_archive, file=store(a_tar({"a": b"x"})[:1024]))
    assert trial.warnings == ["archive: has no end mark: it may have been cut short"]


def test_a_broken_header_is_not_taken_for_the_end(trial: Trial, store: Store) -> None:
    whole = bytearray(a_tar({"a": b"x", "b": b"y"}))
    whole[1024 + 150] ^= 1
    assert "a member's header is broken" in refusal(trial, store, bytes(whole))


@pytest.mark.parametrize("packing", ["zip", "gz", "xz"])
def test_flipped_bits_are_noticed(trial: Trial, store: Store, packing: str) -> None:
    whole = bytearray(a_zip(FILES) if packing == "zip" else a_tar(FILES, packing))
    whole[len(whole) // 4] ^= 0xFF
    assert "damaged" in refusal(trial, store, bytes(whole))


def test_encrypted_members_are_refused(trial: Trial, store: Store) -> None:
    content = lying(a_zip({"secret": b"x"}), flags=1)
    assert refusal(trial, store, content).startswith("secret is encrypted")


def test_methods_that_unpack_without_measure_are_refused(trial: Trial, store: Store) -> None:
    content = a_zip({"a": b"x"}, zipfile.ZIP_BZIP2)
    assert "compressed with method 12" in refusal(trial, store, content)


def test_a_member_longer_than_declared_is_refused(trial: Trial, store: Store) -> None:
    content = b"x" * 100_000
    lie = lying(a_zip({"a": content}), size=10, crc=zlib.crc32(content[:10]))
    assert "a is longer than the archive says" in refusal(trial, store, lie)


def test_a_stored_member_longer_than_declared_is_refused(trial: Trial, store: Store) -> None:
    content = b"x" * 100_000
    lie = lying(a_zip({"a": content}, zipfile.ZIP_STORED), size=10, crc=zlib.crc32(content[:10]))
    assert "a is longer than the archive says" in refusal(trial, store, lie)


def test_a_member_shorter_than_declared_is_refused(trial: Trial, store: Store) -> None:
    lie = lying(a_zip({"a": b"x" * 1000}), size=1_000_000)
    assert "a is cut short: 975.6\xa0KB are missing" in refusal(trial, store, lie)


def test_a_zip_that_declares_a_bomb_is_refused_unread(trial: Trial, store: Store) -> None:
    lie = lying(a_zip({"a": b"x"}), size=0xFFFFFFF0)
    assert "The archive unpacks to more than 256.0\xa0MB" in refusal(trial, store, lie)


def test_members_that_share_their_bytes_are_refused(trial: Trial, store: Store) -> None:
    whole = a_zip({"a": b"x" * 1000})
    start, end = whole.index(b"PK\x01\x02"), whole.index(b"PK\x05\x06")
    table = whole[start:end]
    tail = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 2, 2, 2 * len(table), start, 0)
    assert "a and a share bytes" in refusal(trial, store, whole[:start] + table * 2 + tail)


def test_a_gzip_bomb_is_refused(trial: Trial, store: Store) -> None:
    assert "out of proportion" in refusal(trial, store, a_bomb(400 << 20))


def a_bomb(size: int) -> bytes:
    """A tar of one file of zeros, as gzip."""
    info = tarfile.TarInfo("zeros")
    info.size = size
    return gzip.compress(info.tobuf() + bytes(size + 1024), 1)


def test_zeros_after_the_end_of_a_tar_are_a_bomb_too(trial: Trial, store: Store) -> None:
    content = gzip.compress(a_tar({"a": b"x"}) + bytes(300 << 20), 1)
    assert "out of proportion" in refusal(trial, store, content)


def test_a_sparse_file_cannot_be_larger_than_an_archive_may(trial: Trial, store: Store) -> None:
    info = tarfile.TarInfo("holes")
    info.pax_headers = {
        "GNU.sparse.major": "0",
        "GNU.sparse.minor": "1",
        "GNU.sparse.name": "holes",
        "GNU.sparse.size": str(1 << 62),
        "GNU.sparse.map": f"{(1 << 62) - 1},1",
    }
    assert "out of proportion" in refusal(trial, store, a_tar_of([(info, b"x")]))


def test_a_header_of_many_megabytes_is_refused(trial: Trial, store: Store) -> None:
    info = special("x", tarfile.XHDTYPE)
    assert "header of the archive is too large" in refusal(
        trial, store, a_tar_of([(info, bytes(64 << 20))], "gz")
    )


def test_a_chain_of_headers_is_refused(trial: Trial, store: Store) -> None:
    chain = [(special("x", tarfile.XHDTYPE), b"11 path=ab\n") for _ in range(3000)]
    sentence = refusal(trial, store, a_tar_of(chain, "gz"))
    assert "too large" in sentence or "damaged" in sentence


def test_xz_may_not_ask_for_gigabytes_of_memory(trial: Trial, store: Store) -> None:
    filters = [{"id": lzma.FILTER_LZMA2, "dict_size": 1 << 28}]
    content = lzma.compress(a_tar({"a": b"x"}), filters=filters)
    assert "Memory usage limit" in refusal(trial, store, content)


def test_xz_may_consist_of_parts(trial: Trial, store: Store) -> None:
    whole = a_tar(FILES)
    parts = lzma.compress(whole[:3000]) + bytes(8) + lzma.compress(whole[3000:]) + bytes(4)
    assert trial.run(checksum_archive, file=store(parts))["files"] == 2


def test_too_many_members_are_refused(
    trial: Trial, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (archive_tar, archive_zip):
        monkeypatch.setattr(module, "MAX_MEMBERS", 1)
    for content in (a_tar(FILES), a_zip(FILES)):
        assert "more than 1 members" in refusal(trial, store, content)


def test_a_huge_table_of_contents_is_refused_unread(trial: Trial, store: Store) -> None:
    entry = HEAD.pack(b"PK\x01\x02", 20, 3, 20, 0, 0, 0, 0, 33, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
    table = entry * (archive_zip.MAX_CONTENTS // len(entry) + 1)
    tail = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 0, 0, len(table), 4, 0)
    content = b"PK\0\0" + table + tail
    assert "table of contents is too large" in refusal(trial, store, content)


def test_an_archive_within_an_archive_counts_as_a_file(trial: Trial, store: Store) -> None:
    inner = io.BytesIO(a_bomb(1 << 20)).getvalue()
    assert trial.run(checksum_archive, file=store(a_zip({"bomb.tar.gz": inner})))["files"] == 1

"""Checksum archive on honest archives, checked by the real sha256sum."""

import hashlib
import io
import stat
import subprocess
import tarfile
import zipfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jobs.archive.checksum_archive import checksum_archive, checksum_line
from tests.kinds.archives import a_tar, a_tar_of, a_zip, special
from tests.kinds.conftest import Store, Trial

MEMBERS = {
    "read me.txt": b"hello",
    "deep/er/zero": b"",
    "deep/Zo\u00eb.bin": bytes(range(256)) * 9000,
    "back\\slash\nand line": b"odd",
    "-": b"not standard input",
    "inner.zip": a_zip({"x": b"y"}),
}
FORMATS = ["zip", "tar", "gz", "bz2", "xz"]


def packed(members: dict[str, bytes], packing: str) -> bytes:
    return a_zip(members) if packing == "zip" else a_tar(members, packing.replace("tar", ""))


@pytest.mark.parametrize("packing", FORMATS)
def test_every_file_of_an_archive_gets_its_sum(trial: Trial, store: Store, packing: str) -> None:
    result = trial.run(checksum_archive, file=store(packed(MEMBERS, packing)))
    assert result == {"files": 6, "bytes": sum(map(len, MEMBERS.values()))}
    expected = b"".join(
        checksum_line(name, hashlib.sha256(content).hexdigest())
        for name, content in MEMBERS.items()
    )
    assert trial.file("SHA256SUMS") == expected
    assert trial.warnings == []
    assert trial.progress.files == ["SHA256SUMS"]


@pytest.mark.parametrize("packing", FORMATS)
def test_sha256sum_accepts_the_result_in_the_unpacked_folder(
    trial: Trial, store: Store, tmp_path: Path, packing: str
) -> None:
    trial.run(checksum_archive, file=store(packed(MEMBERS, packing)))
    for name, content in MEMBERS.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(content)
    answer = check(tmp_path, trial.file("SHA256SUMS"))
    assert answer.returncode == 0, answer.stderr


def check(folder: Path, sums: bytes) -> "subprocess.CompletedProcess[bytes]":
    return subprocess.run(
        ["sha256sum", "--check", "--strict", "/dev/stdin"],
        cwd=folder,
        input=sums,
        capture_output=True,
        check=False,
    )


names = st.text(
    st.characters(codec="utf-8", exclude_characters="/\0"), min_size=1, max_size=40
).filter(lambda name: name not in (".", "..") and len(name.encode()) < 200)


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(files=st.dictionaries(names, st.binary(max_size=50), min_size=1, max_size=8))
def test_any_name_survives_the_way_to_sha256sum(tmp_path: Path, files: dict[str, bytes]) -> None:
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    lines = [checksum_line(name, hashlib.sha256(data).hexdigest()) for name, data in files.items()]
    answer = check(tmp_path, b"".join(lines))
    assert answer.returncode == 0, answer.stderr
    assert answer.stdout.count(b"OK") >= len(files)


def test_names_that_are_not_unicode_keep_their_bytes(trial: Trial, store: Store) -> None:
    archive = a_tar_of([(tarfile.TarInfo("caf\udce9"), b"x")])
    trial.run(checksum_archive, file=store(archive))
    assert trial.file("SHA256SUMS").endswith(b"  caf\xe9\n")


def test_links_and_devices_are_left_out_with_a_warning(trial: Trial, store: Store) -> None:
    archive = a_tar_of(
        [
            (special("folder", tarfile.DIRTYPE), b""),
            (tarfile.TarInfo("file"), b"x"),
            (special("soft", tarfile.SYMTYPE, "/etc/passwd"), b""),
            (special("hard", tarfile.LNKTYPE, "file"), b""),
            (special("pipe", tarfile.FIFOTYPE), b""),
        ]
    )
    assert trial.run(checksum_archive, file=store(archive))["files"] == 1
    assert trial.warnings == [
        "soft: is a symbolic link, which has no content of its own",
        "hard: is another name of file, a hard link",
        "pipe: is a device or a pipe",
    ]


def test_links_in_a_zip_are_left_out_too(trial: Trial, store: Store) -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.mkdir("folder")
        modes = {"link": stat.S_IFLNK, "pipe": stat.S_IFIFO, "file": stat.S_IFREG}
        for name, mode in modes.items():
            info = zipfile.ZipInfo(name)
            info.external_attr = (mode | 0o644) << 16
            archive.writestr(info, "folder")
    assert trial.run(checksum_archive, file=store(file.getvalue()))["files"] == 1
    assert trial.warnings == [
        "link: is a symbolic link, which has no content of its own",
        "pipe: is not a regular file",
    ]


def test_of_a_name_that_comes_twice_the_last_counts(trial: Trial, store: Store) -> None:
    archive = a_tar_of([(tarfile.TarInfo("a"), b"old"), (tarfile.TarInfo("a"), b"new")])
    trial.run(checksum_archive, file=store(archive))
    assert trial.file("SHA256SUMS") == checksum_line("a", hashlib.sha256(b"new").hexdigest())
    assert trial.warnings == ["a: is in the archive more than once; the last one counts"]


@pytest.mark.parametrize("packing", FORMATS)
def test_an_archive_without_files_says_so(trial: Trial, store: Store, packing: str) -> None:
    result = trial.run(checksum_archive, file=store(packed({}, packing)))
    assert result == {"files": 0, "bytes": 0}
    assert trial.warnings == ["archive: has no files"]


@pytest.mark.parametrize("packing", FORMATS)
def test_progress_ends_where_the_archive_ends(trial: Trial, store: Store, packing: str) -> None:
    content = packed({"big": b"x" * 5_000_000}, packing)
    trial.run(checksum_archive, file=store(content))
    motion = trial.reporter.progress()
    assert motion["total"] == len(content) / 1000
    assert (motion["current"] or 0) >= (motion["total"] or 0) * 0.5
    assert motion["message"] == "big"

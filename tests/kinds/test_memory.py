"""However large the file, a task needs no more memory: each is measured in a process of its own."""

import gzip
import json
import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from tests.kinds.samples import write_csv
from tests.support.thorough import Many

MIB = 1 << 20
PACKED = 64 * MIB
"""Of a file that is packed, several times what a task may take."""


def measure(folder: Path, task: str, name: str, *how: str) -> Any:
    """What tests.kinds.measure prints, with `folder` as the data directory."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "tests.kinds.measure", task, name, *how],
        cwd=settings.BASE_DIR,
        env={
            **os.environ,
            "DATA_DIR": str(folder),
            "DATABASE_URL": f"sqlite:///{folder / name}.sqlite3",
        },
        stdout=subprocess.PIPE,
        check=True,
    )
    return json.loads(done.stdout.splitlines()[-1])


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """Where the default storage of the measured process keeps its files."""
    folder = tmp_path / "files"
    folder.mkdir()
    return folder


def test_ten_times_the_rows_are_stored_in_the_same_memory(files: Path) -> None:
    write_csv(files / "small", 2_000, bad_every=10)
    write_csv(files / "large", 20_000, bad_every=10)
    small = measure(files.parent, "import_csv", "small")
    large = measure(files.parent, "import_csv", "large")
    assert (large["outcome"]["rows"], large["outcome"]["rejected"]) == (18_000, 2_000)
    assert large["grew"] < small["grew"] + 4 * MIB


def test_tens_of_thousands_of_rows_are_read_in_a_few_megabytes(files: Path, many: Many) -> None:
    """A million with `--thorough`."""
    rows = many(60_000, thorough=1_000_000)
    write_csv(files / "many", rows)
    measured = measure(files.parent, "import_csv", "many", "plainly")
    assert measured["outcome"]["rows"] == rows
    assert measured["grew"] < 16 * MIB


def test_a_line_of_a_hundred_megabytes_is_skipped_in_a_few_megabytes(files: Path) -> None:
    with (files / "line").open("wb") as file:
        file.write(b"name\nAnn\n")
        for _ in range(100):
            file.write(b"x" * MIB)
        file.write(b"\nBob\n")
    measured = measure(files.parent, "import_csv", "line")
    assert (measured["outcome"]["rows"], measured["outcome"]["rejected"]) == (2, 1)
    assert measured["grew"] < 24 * MIB


@pytest.mark.parametrize("kind", ["honest", "bomb"])
def test_a_packed_file_of_any_size_is_summed_in_a_few_megabytes(files: Path, kind: str) -> None:
    info = tarfile.TarInfo("zeros")
    info.size = PACKED if kind == "honest" else 10 * PACKED
    with gzip.open(files / kind, "wb", compresslevel=1) as file:
        file.write(info.tobuf())
        for _ in range(info.size // MIB):
            file.write(bytes(MIB))
        file.write(bytes(1024))
    measured = measure(files.parent, "checksum_archive", kind)
    assert measured["grew"] < 16 * MIB
    if kind == "honest":
        assert measured["outcome"] == {"files": 1, "bytes": PACKED}
    else:
        assert "out of proportion" in measured["outcome"]


def test_a_member_of_a_zip_is_never_in_memory_as_a_whole(files: Path) -> None:
    with (
        zipfile.ZipFile(files / "zip", "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
        archive.open("zeros", "w") as member,
    ):
        for _ in range(PACKED // MIB):
            member.write(bytes(MIB))
    measured = measure(files.parent, "checksum_archive", "zip")
    assert measured["outcome"] == {"files": 1, "bytes": PACKED}
    assert measured["grew"] < 16 * MIB

"""The files that a job left behind: their sizes, until when they are kept, and the first rows of
tables among them."""

import csv
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from io import StringIO
from typing import IO

from django.core.files.storage import default_storage

from headway.lifecycle import files
from headway.lifecycle.pruning import kept_days
from headway.models import Job
from headway.web.readable import MAX_COLUMNS, Table, cell

TABLES = (".csv", ".tsv")
MAX_TABLES, FIRST_ROWS, FIRST_BYTES = 2, 10, 64 * 1024
"""Files that are looked into, rows shown of each, and bytes read for them."""
MAX_IMAGES, MAX_IMAGE = 6, 10 * 1024**2
"""Images shown, and the bytes that one may have."""
_IMAGES = {
    b"\x89PNG\r\n\x1a\n": "image/png",
    b"\xff\xd8\xff": "image/jpeg",
    b"GIF87a": "image/gif",
    b"GIF89a": "image/gif",
}
"""How files of each type begin. None of them can hold a script."""
_PICTURES = (".png", ".jpg", ".jpeg", ".gif", ".webp")


@dataclass(frozen=True)
class ResultFile:
    """A file that a job left behind. `size` is in bytes, None when it is no longer stored."""

    name: str
    size: int | None
    table: Table | None = None
    is_image: bool = False


def result_files(job: Job) -> list[ResultFile]:
    """Those of the newest attempt."""
    found: list[ResultFile] = []
    for name in job.files:
        size = files.size(job.file_path(name))
        lower = name.lower()
        tables = sum(each.table is not None for each in found)
        images = sum(each.is_image for each in found)
        table = None
        if size and lower.endswith(TABLES) and tables < MAX_TABLES:
            table = _first_rows(job, name)
        small = size is not None and 0 < size <= MAX_IMAGE
        is_image = small and lower.endswith(_PICTURES) and images < MAX_IMAGES
        found.append(ResultFile(name, size, table, is_image))
    return found


def kept_until(job: Job) -> datetime | None:
    """When a job that has ended is deleted, with its files; None while it has not."""
    if job.finished_at is None:
        return None
    return job.finished_at + timedelta(days=kept_days(job.kind, job.status))


def image_type(file: IO[bytes]) -> str:
    """The type of an image that a page may show, by how the file begins; "" for any other file."""
    begin = file.read(16)
    file.seek(0)
    if begin[:4] == b"RIFF" and begin[8:12] == b"WEBP":
        return "image/webp"
    return next((found for mark, found in _IMAGES.items() if begin.startswith(mark)), "")


def _first_rows(job: Job, name: str) -> Table | None:
    """None where it cannot be read as a table."""
    try:
        with default_storage.open(job.file_path(name)) as file:
            data = file.read(FIRST_BYTES)
            ends = len(data) < FIRST_BYTES
    except Exception:  # noqa: BLE001 - gone; or what the library of a storage raises
        return None
    lines = data.decode("utf-8-sig", "replace").splitlines(keepends=True)
    whole = lines if ends else lines[:-1]
    return _table(name, whole, ends=ends)


def _table(name: str, lines: list[str], *, ends: bool) -> Table | None:
    begin = lines[0] if lines else ""
    if "\0" in begin or not begin.strip():
        return None
    delimiter = max("\t;,|", key=begin.count)
    try:
        rows = [row for row in csv.reader(StringIO("".join(lines)), delimiter=delimiter) if row]
    except csv.Error:
        return None
    if not rows:
        return None
    shown = [_cells(row) for row in rows[: FIRST_ROWS + 1]]
    width = max(map(len, shown))
    head, *rest = ([*cells, *[""] * (width - len(cells))] for cells in shown)
    more = len(rows) - 1 - len(rest) if ends else -1
    return Table(name, head, rest, more, max(0, len(rows[0]) - MAX_COLUMNS))


def _cells(row: Iterable[str]) -> list[str]:
    return [cell(value) for value in [*row][:MAX_COLUMNS]]

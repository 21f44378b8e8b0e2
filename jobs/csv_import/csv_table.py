"""A CSV file opened as a table: detects its format and yields its rows."""

import codecs
import io
import math
import re
from collections.abc import Iterator
from itertools import chain

from django.core.files import File

from headway import InputError, progress
from jobs.csv_import import csv_format
from jobs.csv_import.csv_columns import Columns, column_names, column_types
from jobs.csv_import.csv_rows import Row, read_rows

SAMPLE = 1 << 18  # bytes
BLOCK = 1 << 20  # bytes

_SEPARATOR_LINE = re.compile(r"sep=(.)[\r\n]+", re.IGNORECASE)  # Excel reads and writes it


class Table:
    """The rows of a CSV file, and its `columns`, `delimiter` and `encoding`.

    The latter two are found out unless given (a byte order mark always wins); without a header
    the columns are numbered. Raises InputError when the file is not CSV or its first row is wrong.
    """

    def __init__(
        self,
        file: File[bytes],
        *,
        delimiter: str = "",
        encoding: str = "",
        has_header: bool = True,
        typed: bool = True,
    ) -> None:
        self._file = file
        head = file.read(SAMPLE)
        self.encoding = csv_format.encoding_mark(head) or encoding
        csv_format.refuse_binary(head, self.encoding or "ascii")
        self.encoding = self.encoding or csv_format.guess_encoding(self._blocks())
        self._wide = csv_format.is_wide(self.encoding)
        self._errors = "replace" if self._wide else "surrogateescape"
        sample = self._decode(head)
        separator = _SEPARATOR_LINE.match(sample)
        if separator:
            sample = sample[separator.end() :]
            delimiter = delimiter or separator[1]
        self.delimiter = delimiter or csv_format.guess_delimiter(sample)
        self._skip = bool(separator) + has_header
        self.columns = self._find_columns(sample, has_header=has_header, typed=typed)

    def __iter__(self) -> Iterator[Row]:
        """The rows of data, each checked against the columns. May be asked for once only."""
        self._file.seek(0)
        text = io.TextIOWrapper(self._file, self.encoding, self._errors, newline="")
        for number, row in enumerate(read_rows(text, self.delimiter, wide=self._wide)):
            if number >= self._skip:
                row.problem = row.problem or self.columns.problem(row.cells)
                yield row
        text.detach()

    def _blocks(self) -> Iterator[bytes]:
        self._file.seek(0)
        blocks = iter(lambda: self._file.read(BLOCK), b"")
        return progress.track(blocks, total=math.ceil(self._file.size / BLOCK))

    def _decode(self, head: bytes) -> str:
        """The head as text, up to its last complete line."""
        whole = len(head) == self._file.size
        text = codecs.getincrementaldecoder(self.encoding)(self._errors).decode(head, final=whole)
        if whole:
            return text
        end = max(text.rfind("\n"), text.rfind("\r")) + 1
        if not end:
            raise InputError(f"The first line has more than {len(text):,} characters: is this CSV?")
        return text[:end]

    def _find_columns(self, sample: str, *, has_header: bool, typed: bool) -> Columns:
        rows = read_rows(io.StringIO(sample, newline=""), self.delimiter, wide=self._wide)
        first = next(rows, None)
        if first is None:
            raise InputError("The file has no rows, only empty lines.")
        if len(first.cells) == 1 and not first.cells[0].strip():
            raise InputError(f"Line {first.line}, the first row, is blank.")
        if first.problem:
            raise InputError(f"Line {first.line}, the first row, cannot be used: {first.problem}.")
        names = column_names(first.cells if has_header else [""] * len(first.cells))
        data = rows if has_header else chain([first], rows)
        types = column_types(data, len(names)) if typed else ["text"] * len(names)
        return Columns(names, types)

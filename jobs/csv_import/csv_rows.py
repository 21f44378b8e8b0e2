"""Reads the rows of a CSV file one by one, in constant memory, and reports what is wrong with
each."""

import csv
import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TextIO

from headway import InputError

MAX_LINE = 1 << 20  # characters
MAX_ROW = 4 << 20  # characters, of a row whose quoted cells span lines
MAX_REREAD = 64 << 20  # characters, beyond as many as were read

_UNFIT = re.compile("[\0\ud800-\udfff]")
_UNFIT_WIDE = re.compile("[\0\ud800-\udfff\ufffd]")


@dataclass(slots=True)
class Row:
    """A row and the line it begins on. `problem` says why it cannot be used ("" when it can);
    then `cells` may be just the text of its first line."""

    line: int
    cells: list[str]
    size: int
    problem: str = ""


class _TooLong(csv.Error):
    """Passes through csv.reader, which can be asked for the next row afterwards."""


class _Lines:
    """Lines of text for csv.reader, of bounded length, that can be read a second time."""

    def __init__(self, text: TextIO) -> None:
        self.number = 0
        self.taken: list[str] = []
        self._size = 0
        self._text = text
        self._again: deque[str] = deque()
        self._within_long_line = False
        self._reread = 0  # characters, less those that were read

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self._again.popleft() if self._again else self._read()
        if not line:
            raise StopIteration
        self.number += 1
        self.taken.append(line)
        self._size += len(line)
        if len(line) == MAX_LINE and line[-1] not in "\r\n":
            raise _TooLong(f"the line is longer than {MAX_LINE:,} characters")
        if self._size > MAX_ROW:
            raise _TooLong(f"the row is longer than {MAX_ROW:,} characters")
        return line

    def _read(self) -> str:
        while self._within_long_line:
            piece = self._text.readline(MAX_LINE)
            self._within_long_line = len(piece) == MAX_LINE and piece[-1] not in "\r\n"
        line = self._text.readline(MAX_LINE)
        self._reread -= len(line)
        self._within_long_line = len(line) == MAX_LINE and line[-1] not in "\r\n"
        return line

    def begin_row(self) -> int:
        """Forget the lines of the row before; returns the line number of the next one."""
        self.taken.clear()
        self._size = 0
        return self.number + 1

    def put_back_all_but_first(self) -> None:
        """A quote that is never closed swallows what follows: only its own line is at fault."""
        rest = self.taken[1:]
        self._reread += sum(map(len, rest))
        if self._reread > MAX_REREAD:
            raise InputError(
                f"Too many quotes are opened and never closed, the last one in line"
                f" {self.number - len(rest):,}. Is this a CSV file, and the delimiter right?"
            )
        self.number -= len(rest)
        self._again.extendleft(reversed(rest))


def read_rows(text: TextIO, delimiter: str, *, wide: bool = False) -> Iterator[Row]:
    """Rows of the text, which is opened with newline="" and errors="surrogateescape" ("replace"
    when wide, that is UTF-16 or UTF-32). Empty lines are left out."""
    lines = _Lines(text)
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    unfit = _UNFIT_WIDE if wide else _UNFIT
    while True:
        start = lines.begin_row()
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            first = lines.taken[0]
            yield Row(start, [_printable(first)], len(first), _explain(error, len(lines.taken)))
            lines.put_back_all_but_first()
            continue
        if not cells:
            continue
        raw = "".join(lines.taken)
        problem = _unfit_character(raw, unfit)
        if problem:
            cells = [_printable(cell) for cell in cells]
        yield Row(start, cells, len(raw), problem)


def _unfit_character(raw: str, unfit: re.Pattern[str]) -> str:
    found = unfit.search(raw)
    if not found:
        return ""
    if found[0] == "\0":
        return "it has a NUL character"
    return "it has bytes that are wrong in the file's encoding"


def _explain(error: csv.Error, lines: int) -> str:
    if isinstance(error, _TooLong) and lines == 1:
        return str(error)
    if lines > 1 or "unexpected end" in str(error):
        return "a quote is opened and never closed"
    if "field larger" in str(error):
        return f"a cell is longer than {csv.field_size_limit():,} characters"
    return "there is text after a closing quote"


def _printable(text: str) -> str:
    """The text as it can be stored and shown: bytes that could not be decoded become \\xNN."""
    shown = text[:1000].rstrip("\r\n") + ("..." if len(text) > 1000 else "")
    shown = shown.replace("\0", "\\x00")
    return shown.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")

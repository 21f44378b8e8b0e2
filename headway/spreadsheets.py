"""CSV files whose cells a spreadsheet does not execute: users open what others have uploaded."""

import csv
import re
from collections.abc import Iterable
from typing import Any, Protocol

from headway.conf import conf

_NUMBER = re.compile(r"[+-]?[0-9]+([.,][0-9]+)*(e[+-]?[0-9]+)?%?", re.IGNORECASE | re.ASCII)
_SIGNS = "=+\\-@＝＋－＠"  # noqa: RUF001 - East Asian spreadsheets take the wide ones for the others
_RUN = re.compile(rf"[\t\r\n\0]|[\s\ufeff]*[{_SIGNS}]")
"""How a cell begins that is run, or that moves what follows into a cell of its own."""
_RUN_IF_SPLIT = re.compile(
    rf"""(?<=[,;|\t\r\n])(?=["'\s]*[{_SIGNS}])(?!\s*[+-][0-9.,]*[0-9]\s*(?:[,;|\t\r\n]|$))"""
)
"""Where such a cell begins for a program that splits rows at another sign than ours, as Excel does
in half of its languages; but for numbers, as in 1,-5."""


class Writer(Protocol):
    """What `csv.writer` gives."""

    def writerow(self, row: Iterable[Any], /) -> Any: ...

    def writerows(self, rows: Iterable[Iterable[Any]], /) -> Any: ...


def writer(file: Any, **options: Any) -> Writer:
    """As `csv.writer`, but that what a spreadsheet would run, headers included, gets an apostrophe
    before it: it is shown as text then. With the setting CSV_RAW cells stay as they are."""
    plain: Writer = csv.writer(file, **options)
    return plain if conf.CSV_RAW else _Safe(plain)


def cell(value: Any) -> Any:
    """A value as a spreadsheet may have it. Numbers stay numbers, also when they are text."""
    if value is None or isinstance(value, (int, float)):
        return value
    text = str(value)
    if _NUMBER.fullmatch(text):
        return text
    split = _RUN_IF_SPLIT.sub("'", text)
    return f"'{split}" if _RUN.match(text) else split


class _Safe:
    def __init__(self, plain: Writer) -> None:
        self._plain = plain

    def writerow(self, row: Iterable[Any], /) -> Any:
        return self._plain.writerow(map(cell, row))

    def writerows(self, rows: Iterable[Iterable[Any]], /) -> Any:
        return self._plain.writerows(map(cell, row) for row in rows)

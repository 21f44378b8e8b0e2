"""The columns of a CSV file: their names, their types, and whether a row fits them."""

import re
from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime
from itertools import islice

from django.template.defaultfilters import pluralize

from headway import InputError
from jobs.csv_import.csv_rows import Row

MAX_COLUMNS = 2000
SAMPLE_ROWS = 1000

_NUMBER = re.compile(
    r"[+-]?(?=[.,]?\d)(\d+|\d{1,3}([ .,'\u00a0\u202f]\d{3})+)?([.,]\d*)?([eE][+-]?\d+)?"
)
_CODE = re.compile(r"[+-]?0\d")
_DATE = re.compile(r"(\d{1,2})([./-])(\d{1,2})\2(\d{4})")
_MISSING = frozenset({"", "-", "?", "na", "n/a", "#n/a", "nan", "null", "none", "nil"})


def _is_number(value: str) -> bool:
    return _NUMBER.fullmatch(value) is not None


def _is_date(value: str) -> bool:
    """ISO 8601, or day, month and year in numbers; which of the two comes first is not checked."""
    parts = _DATE.fullmatch(value)
    try:
        if not parts:
            datetime.fromisoformat(value)
        else:
            first, second = sorted((int(parts[1]), int(parts[3])))
            date(int(parts[4]), month=first, day=second)
    except ValueError:
        return False
    return True


CHECKS: dict[str, Callable[[str], bool]] = {"number": _is_number, "date": _is_date}


def column_names(header: Sequence[str]) -> list[str]:
    """Names from the header row, each one used once: blank ones are numbered, repeated ones too."""
    if len(header) > MAX_COLUMNS:
        raise InputError(f"The first row has {len(header):,} columns; at most {MAX_COLUMNS:,}.")
    names: dict[str, None] = {}
    for number, cell in enumerate(header, 1):
        wanted = name = cell.strip() or f"column {number}"
        copy = 1
        while name in names:
            copy += 1
            name = f"{wanted} {copy}"
        names[name] = None
    return list(names)


def column_types(rows: Iterable[Row], columns: int) -> list[str]:
    """What each column holds by its first thousand rows: a key of CHECKS, or "text".

    A column is of a type when at least nine in ten of its values are; one with leading zeros
    (postal codes, telephone numbers) is text.
    """
    sample = [row.cells for row in islice(rows, SAMPLE_ROWS) if not row.problem]
    fitting = [cells for cells in sample if len(cells) == columns]
    values = zip(*fitting, strict=True) if fitting else [()] * columns
    return [_type_of([*filter(_is_given, map(str.strip, column))]) for column in values]


def _is_given(value: str) -> bool:
    return value.lower() not in _MISSING


def _type_of(values: Sequence[str]) -> str:
    if not values or any(map(_CODE.match, values)):
        return "text"
    for name, check in CHECKS.items():
        if sum(map(check, values)) >= 0.9 * len(values):
            return name
    return "text"


class Columns:
    """What every row has to fit."""

    def __init__(self, names: Sequence[str], types: Sequence[str]) -> None:
        self.names = list(names)
        self.types = list(types)
        self._checks = [(at, CHECKS[kind]) for at, kind in enumerate(types) if kind in CHECKS]

    def problem(self, cells: Sequence[str]) -> str:
        """Why the row does not fit, "" when it does. Empty cells and n/a fit everywhere."""
        if not any(map(str.strip, cells)):
            return "every cell is blank"
        if len(cells) != len(self.names):
            found = len(cells)
            return f"it has {found:,} column{pluralize(found)} instead of {len(self.names):,}"
        for at, check in self._checks:
            value = cells[at].strip()
            if not check(value) and _is_given(value):
                return f"{self.names[at]}: {value[:40]!r} is not a {self.types[at]}"
        return ""

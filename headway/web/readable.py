"""JSON values for people: pairs of names and values, tables, or else indented text."""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from django.utils.translation import gettext as _

from headway.kinds import json_values
from headway.web.outcomes import written
from headway.web.told import called

MAX_ROWS, MAX_COLUMNS, MAX_CELL = 100, 12, 300
"""Of a table, and characters of one of its cells."""
NUMBER = re.compile(r"[+-]?\d[\d.,\s]*%?")
"""As written in any language, or in a file."""
MAX_TEXT = 200_000
"""Characters of a text that stands on the page."""


@dataclass(frozen=True)
class Table:
    """Rows of texts below a head; `more` are left out."""

    label: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    more: int = 0
    more_columns: int = 0

    @cached_property
    def numbers(self) -> frozenset[int]:
        """The columns that have nothing but numbers, counted from 0."""
        columns = zip(*self.rows, strict=False)
        return frozenset(at for at, texts in enumerate(columns) if _are_numbers(texts))


@dataclass(frozen=True)
class Readable:
    """A value: `rows` of names and texts, then `tables`; or one `text`. All are empty for null."""

    rows: Sequence[tuple[str, str]] = ()
    tables: Sequence[Table] = field(default_factory=tuple)
    text: str = ""
    cut: int = 0
    """Characters that `text` leaves out."""

    def __bool__(self) -> bool:
        return bool(self.rows or self.tables or self.text)


def readable(value: Any) -> Readable:
    """A result: an object of plain values and of lists as pairs and tables, a list of objects as a
    table, and anything else as text."""
    if isinstance(value, Mapping):
        tables = {name: each for name, each in value.items() if _is_table(each)}
        rest = {name: each for name, each in value.items() if name not in tables}
        if not any(map(is_deep, rest.values())):
            rows = [(label(name), plain(each)) for name, each in rest.items()]
            return Readable(rows, [table(label(name), each) for name, each in tables.items()])
    elif _is_table(value):
        return Readable(tables=[table("", value)])
    text = "" if value in (None, "") else plain(value)
    return Readable(text=text[:MAX_TEXT], cut=max(0, len(text) - MAX_TEXT))


def table(name: str, items: Sequence[Mapping[str, Any]]) -> Table:
    """Objects as rows: a column for each key that one of those shown has."""
    shown = items[:MAX_ROWS]
    keys = list(dict.fromkeys(key for item in shown for key in item))
    used = keys[:MAX_COLUMNS]
    rows = [[cell(plain(item[key]) if key in item else "") for key in used] for item in shown]
    head = [label(key) for key in used]
    return Table(name, head, rows, len(items) - len(shown), len(keys) - len(used))


def cell(text: str) -> str:
    """A text that fits into a table."""
    return json_values.text(text, MAX_CELL)


def is_deep(value: Any) -> bool:
    """Whether there are objects or lists within a value, but for a list of plain values."""
    parts = value if isinstance(value, list) else [value]
    return any(isinstance(part, dict | list) for part in parts)


def label(name: str) -> str:
    """The name of a value as people write it: rows_stored as Rows stored."""
    words = called(name)
    return words[:1].upper() + words[1:]


def plain(value: Any) -> str:
    """A value as one text."""
    if isinstance(value, bool) or value is None:
        return {True: _("yes"), False: _("no"), None: "—"}[value]
    if isinstance(value, str | int | float):
        return written(value) or "—"
    if isinstance(value, list) and not is_deep(value):
        return ", ".join(map(plain, value)) or "—"
    return json.dumps(value, indent=2, ensure_ascii=False)


def _are_numbers(texts: Iterable[str]) -> bool:
    said = [text for text in texts if text not in ("", "—")]
    return bool(said) and all(map(NUMBER.fullmatch, said))


def _is_table(value: Any) -> bool:
    return (
        isinstance(value, list)
        and bool(value)
        and all(isinstance(item, Mapping) and item for item in value[:MAX_ROWS])
    )

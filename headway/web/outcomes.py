"""What came of a job, in a few words: 49,877 rows, 123 rejected."""

from collections.abc import Iterator, Mapping
from typing import Any

from django.utils.translation import ngettext

from headway.kinds import json_values
from headway.kinds.numbers import grouped, separated
from headway.models import Job, Status
from headway.web.told import called, said, told

FIGURES = 3
MAX_LENGTH = 120
BARE = "Cancelled"
"""A reason that says no more than the status beside it."""
MAX_VALUE = 40
"""Characters of a text in a result that still reads as a value."""


def written(value: str | float) -> str:
    """A value as people write it: 45.0 as 45, 1234.5 as 1,234.5."""
    return value if isinstance(value, str) else separated(f"{value:,.10g}")


def outcome(job: Job) -> str:
    """Why it ended so, else its result, else what it said last; "" while it has not ended."""
    if job.is_active:
        return ""
    result = _of(job.result) if job.status in (Status.SUCCEEDED, Status.CANCELLED) else ""
    reason = "" if job.reason == BARE else told(job.reason)
    words = reason or result or said(job.message, job.kind)
    return json_values.text(words, MAX_LENGTH) if words else ""


def _of(result: Any) -> str:
    if isinstance(result, Mapping):
        return ", ".join(part for part, _ in zip(_parts(result), range(FIGURES), strict=False))
    if isinstance(result, list):
        told = ngettext("{number} entry", "{number} entries", len(result))
        return told.format(number=grouped(len(result)))
    return "" if isinstance(result, bool) or result is None else written(result)


def _parts(result: Mapping[str, Any]) -> Iterator[str]:
    """Of the first figure also nothing is worth saying; of the others only what is there."""
    said = False
    for name, value in result.items():
        if isinstance(value, bool) or not isinstance(value, int | float | str):
            continue
        if isinstance(value, str):
            if 0 < len(value) <= MAX_VALUE:
                yield f"{called(name)} {value}"
        elif value or not said:
            yield f"{written(value)} {called(name)}"
            said = True

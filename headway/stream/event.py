"""What can happen to a job, and how it is written down as JSON."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

KINDS = frozenset({"progress", "state", "log", "warning", "output", "error"})

MOTION: Mapping[str, Any] = {
    "percent": None,
    "current": None,
    "total": None,
    "message": "",
    "phase": "",
    "rate": None,
    "eta": None,
    "elapsed": None,
    "warnings": 0,
}
"""What moves while a job runs, and how it is written where it is not known."""
_PROGRESS: Mapping[str, Any] = {"job": "", "attempt": 0, "status": "", **MOTION}

_encode = json.JSONEncoder(allow_nan=False, separators=(",", ":")).encode  # costly to make


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened to a job; `final` marks the state that ends it."""

    kind: str
    data: Mapping[str, Any]
    final: bool = False

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"no such event: {self.kind!r}; choose one of {sorted(KINDS)}")


def progress_of(snapshot: Mapping[str, Any]) -> dict[str, Any]:
    """The data of a `progress` with the values of a snapshot, for who listens to it alone."""
    return {name: snapshot.get(name, blank) for name, blank in _PROGRESS.items()}


def to_json(data: Mapping[str, Any]) -> str:
    """One line of ASCII: no CR, LF or NUL can stand in it, and NaN is refused with ValueError."""
    return _encode(data)


def clean(text: object, limit: int = 500) -> str:
    """`text` as one printable line of at most `limit` characters: what a page, a log and a
    database column all accept. Control characters become spaces, lone surrogates `?`. Never raises:
    an object without a text of its own is shown by its type, as is an exception, whose text was
    written for other eyes."""
    try:
        line = type(text).__name__ if isinstance(text, BaseException) else str(text)
    except Exception:  # noqa: BLE001 - a task's objects raise anything
        line = f"<{type(text).__name__}>"
    # Cut first: a megabyte need not be walked to keep a line of it.
    line = line[: limit + 1].encode("utf-8", "replace").decode("utf-8")
    if not line.isprintable():
        line = "".join(char if char.isprintable() else " " for char in line)
    line = line.strip()
    return line if len(line) <= limit else line[: limit - 1] + "…"

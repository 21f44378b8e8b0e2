"""What can happen to a job, and how it is written as JSON: the one definition of progress.

The dictionaries in the annotations are JSON Schema; headway/web/schemas.py makes its own of them.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from types import NoneType
from typing import Annotated, Any, NotRequired, TypedDict, cast, get_args, get_type_hints

VERSION = 1
"""Of the stream, as docs/protocol.md describes it. What a client of an older release can ignore,
such as a new event or field, does not change it (docs/upgrading.md)."""
KINDS = frozenset({"progress", "state", "log", "warning", "output", "error"})
"""What a job's log holds; each of these has a number of its own."""
NAMES = KINDS | {"snapshot", "resync", "heartbeat", "busy", "auth", "done"}
"""Every event of a stream: live/events.js is written from both."""


LEVELS = ("debug", "info", "warning", "error")
"""Of lines, as in Python's logging."""
OWN_LEVEL = {"log": "info", "warning": "warning"}
"""The level of a line whose event says none."""


class Run(TypedDict):
    """Which run of which job something is about; `attempt` is 0 before the first."""

    job: Annotated[str, {"format": "uuid"}]
    attempt: Annotated[int, {"minimum": 0}]
    status: str


class Measured(TypedDict):
    """What a task's own numbers and texts come to. `current` and `total` are in the kind's unit,
    `rate` in that unit per second, `eta` in seconds from now. None is what is not known."""

    percent: Annotated[float | None, {"minimum": 0, "maximum": 100}]
    current: Annotated[float | None, {"minimum": 0, "maximum": 1e15}]
    total: Annotated[float | None, {"minimum": 0, "maximum": 1e15}]
    message: Annotated[str, {"maxLength": 500}]
    phase: Annotated[str, {"maxLength": 100}]
    rate: Annotated[float | None, {"exclusiveMinimum": 0}]
    eta: Annotated[int | None, {"minimum": 0}]


class Motion(Measured):
    """All that moves while a job runs. `elapsed` is in seconds since the attempt began, `warnings`
    a number."""

    elapsed: Annotated[float | None, {"minimum": 0}]
    warnings: Annotated[int, {"minimum": 0}]


class Facts(TypedDict):
    """What the database alone decides. Times are ISO 8601 in UTC; `stalled_after` is in seconds of
    silence (None: never)."""

    kind: Annotated[str, {"minLength": 1}]
    title: str
    unit: str
    stalled_after: Annotated[float | None, {"exclusiveMinimum": 0}]
    reason: Annotated[str, {"maxLength": 500}]
    created: Annotated[str, {"format": "date-time"}]
    started: Annotated[str | None, {"format": "date-time"}]
    finished: Annotated[str | None, {"format": "date-time"}]
    result: Any
    files: list[str]


class Progress(Run, Motion):
    """The data of a `progress` event."""


class NoProgress(TypedDict):
    """`{}`, which stands for the progress of an attempt that has reported none."""


class Line(TypedDict):
    """A line of an attempt's log, as its row keeps it: its number, counted from 1, its time in
    milliseconds since 1970 by the worker's clock, and one of LEVELS."""

    n: int
    t: int
    level: str
    text: str


class Entry(TypedDict):
    """The data of a `log` or `warning` event, of which only a warning has an `item`. One that says
    that lines were left out has no number and no time. `level` is not sent where it is that of the
    event: info, or warning."""

    job: str
    attempt: int
    n: NotRequired[int]
    t: NotRequired[int]
    level: NotRequired[str]
    text: str
    item: NotRequired[str]


class Problem(TypedDict):
    """A warning, as an attempt's row keeps it."""

    item: str
    reason: str


class Phase(TypedDict):
    """A part of an attempt, as its row keeps it; in seconds since the attempt began (None: it goes
    on, or went on until the attempt ended)."""

    name: str
    started: float
    ended: float | None


Sample = tuple[float, float | None, float | None]
"""How far an attempt was: seconds since it began, its percent, and its rate."""


class LastWords(TypedDict):
    """What an attempt has reported, as its row keeps it: the newest progress, the first warnings,
    the last lines, its phases, and samples of its progress over time. `unstored` are lines for its
    whole log that are in no chunk yet."""

    progress: Progress | NoProgress
    warnings: list[Problem]
    lines: list[Line]
    phases: list[Phase]
    samples: list[Sample]
    unstored: list[Line]


class State(Run, Facts):
    """The data of a `state` event. Of a success `percent` is 100."""

    percent: NotRequired[int]


class Snapshot(Run, Motion, Facts):
    """The data of a `snapshot` event, where everything is known. `quiet` is in seconds since the
    job was last heard of (None: it does not run, or nobody knows)."""

    quiet: Annotated[float | None, {"minimum": 0}]
    stalled: bool


MOTION = cast(
    "Motion",
    {
        name: None if NoneType in get_args(hint) else hint()
        for name, hint in get_type_hints(Motion).items()
    },
)
"""How what moves is written where it is not known."""
_PROGRESS: Progress = {"job": "", "attempt": 0, "status": "", **MOTION}

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


def progress_of(snapshot: Mapping[str, Any]) -> Progress:
    """The data of a `progress` with the values of a snapshot, for clients that listen to nothing
    else. What the snapshot lacks is written as not known."""
    progress = {name: snapshot.get(name, blank) for name, blank in _PROGRESS.items()}
    return cast("Progress", progress)


def level_of(value: object) -> str:
    """One of LEVELS for a level as Python's logging knows it, by its name or number; never raises,
    and takes for info what it does not know."""
    if isinstance(value, int):
        return LEVELS[min(max(value // 10, 1), 4) - 1]
    name = value.lower() if isinstance(value, str) else ""
    name = {"warn": "warning", "critical": "error", "fatal": "error"}.get(name, name)
    return name if name in LEVELS else "info"


def is_stalled(status: object, quiet: float | None, stalled_after: float | None) -> bool:
    """Whether a job runs that has been silent for longer (seconds) than its kind may be."""
    return bool(status == "running" and quiet and stalled_after and quiet > stalled_after)


def to_json(data: Mapping[str, Any]) -> str:
    """One line of ASCII: no CR, LF or NUL can stand in it, and NaN is refused with ValueError."""
    return _encode(data)


def clean(text: object, limit: int = 500) -> str:
    """`text` as one printable line of at most `limit` characters: what a page, a log and a
    database column all accept. Control characters become spaces, lone surrogates `?`. Never raises:
    an object without a text of its own is shown by its type, as is an exception, whose text was
    written for other eyes."""
    if type(text) is str and len(text) <= limit and text.isprintable():  # as most are
        return text.strip()
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

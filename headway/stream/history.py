"""Reads many logs as one consistent picture, and finds what a reader at a cursor is missing.

Pure: the commands are to be run inside one MULTI, because numbers order all jobs together: a job
read a moment later would overtake the ones read before.
"""

import json
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from . import keys
from .epoch import Epoch
from .event import is_stalled

FIELDS = 2
"""Of an entry of the log, in version 1 of its format (append.lua); a later one adds `v`."""
PAGE = 1000
"""Entries of one log that one read returns at most."""
NOWHERE = (1 << 63) - 1
"""A cursor after which nothing follows: for readers that want snapshots only."""


Entry = tuple[bytes, Sequence[bytes]]
"""One event as Redis gives it: "<number>-0", and the names and values of append.lua's XADD, the
second of which is the number before, the fourth the finished SSE block. To make objects of a
thousand would take as long as their parsing."""


def entry(number: int, prev: int, frame: bytes) -> Entry:
    """One that Redis could have given."""
    return b"%d-0" % number, (b"p", b"%d" % prev, b"f", frame)


def number_of(entry: Entry) -> int:
    """The number of an event."""
    return int(entry[0][:-2])


@dataclass(frozen=True, slots=True)
class Tail:
    """What one log holds after a cursor. `first_prev` is the number before its oldest entry, `read`
    when that was, in seconds by the clock that numbers are made of, `upto` the number to which it
    was read, where that is not its end."""

    snapshot: dict[bytes, bytes]
    first_prev: int
    entries: list[Entry]
    read: float = 0.0
    upto: int | None = None

    def after(self, cursor: int) -> "Tail":
        """The same for a later cursor."""
        begin = bisect_right(self.entries, cursor, key=number_of)
        upto = None if self.upto is None else max(self.upto, cursor)
        return replace(self, entries=self.entries[begin:], upto=upto)

    @property
    def exists(self) -> bool:
        """False once Redis has lost or expired the job."""
        return b"state" in self.snapshot

    @property
    def newest(self) -> int:
        """Number of the job's newest event, 0 before the first."""
        return int(self.snapshot.get(b"n", 0))

    @property
    def final(self) -> bool:
        """True when the job's newest state ends it."""
        return self.snapshot.get(b"final") == b"1"

    def state(self) -> dict[str, Any]:
        """The snapshot, as far as the log knows it: the newest progress (none before the first)
        under the newest state, and how long ago the newest event was, since a number is its
        time."""
        state: dict[str, Any] = json.loads(self.snapshot[b"state"])
        motion = json.loads(self.snapshot.get(b"progress", b"{}"))
        if motion.get("attempt") != state.get("attempt") or state.get("status") == "queued":
            motion = {}
        if motion and self.final:
            motion["eta"] = None
        active = state.get("status") in ("running", "cancelling")
        quiet = round(max(0.0, self.read - self.newest / 1e6), 1) if active else None
        stalled = is_stalled(state.get("status"), quiet, state.get("stalled_after"))
        return {**motion, **state, "quiet": quiet, "stalled": stalled}

    def gap(self, cursor: int) -> str:
        """Why a reader at `cursor` cannot be given all that followed; "" when it can."""
        if not self.exists:
            return "lost"
        if cursor < self.first_prev:
            return "trimmed" if b"created" in self.snapshot else "lost"
        before = b"%d" % cursor
        for name, (_, prev, _, _) in self.entries:
            if prev != before and int(prev) > int(before):
                return "lost"
            before = name[:-2]
        return ""


@dataclass(frozen=True, slots=True)
class History:
    """One consistent read: `last` is the highest number given out when it was made. `tails` are by
    job and by the cursor after which it was read."""

    last: int
    tails: dict[tuple[str, int], Tail] = field(default_factory=dict)
    _later: dict[tuple[str, int], Tail] = field(default_factory=dict)
    epoch: Epoch = field(default_factory=Epoch)
    """Of the server that was read."""

    def tail(self, job: str, cursor: int) -> Tail:
        """A job's log after a cursor, from a read that began there or before."""
        found = self.tails.get((job, cursor)) or self._later.get((job, cursor))
        if found is None:
            begun = max(at for name, at in self.tails if name == job and at <= cursor)
            found = self._later[job, cursor] = self.tails[job, begun].after(cursor)
        return found


def commands(wanted: Sequence[tuple[str, int]]) -> list[tuple[str | int, ...]]:
    """Those that read each (job, cursor) of `wanted`."""
    found: list[tuple[str | int, ...]] = [("GET", keys.LAST), ("GET", keys.EPOCH), ("TIME",)]
    for job, cursor in wanted:
        log = keys.log(job)
        found.append(("HGETALL", keys.snapshot(job)))
        found.append(("XRANGE", log, "-", "+", "COUNT", 1))
        found.append(("XRANGE", log, f"({cursor}-0", "+", "COUNT", PAGE))
    return found


def parse(wanted: Sequence[tuple[str, int]], replies: list[Any]) -> History:
    """The History that `replies` to `commands` describe, as Redis gives them: of a thousand entries
    no other objects are made."""
    last, note, (seconds, micros), *replies = replies
    history = History(int(last or 0), epoch=Epoch.from_note(note))
    now = int(seconds) + int(micros) / 1e6
    for index, key in enumerate(wanted):
        snapshot, first, entries = replies[3 * index : 3 * index + 3]
        upto = number_of(entries[-1]) if len(entries) >= PAGE else None
        begun = int(first[0][1][1]) if first else 0
        history.tails[key] = Tail(_pairs(snapshot), begun, _known(entries), now, upto)
    return history


def _pairs(reply: Any) -> dict[bytes, bytes]:
    """A hash, of which RESP2 gives names and values in turn."""
    return reply if isinstance(reply, dict) else dict(zip(reply[::2], reply[1::2], strict=True))


def _known(entries: list[Entry]) -> list[Entry]:
    """Entries, unless some of a later version are among them. One of these follows what no reader
    can have seen: readers get a snapshot in its place."""
    if {len(fields) for _, fields in entries} <= {2 * FIELDS}:
        return entries
    return [
        each if len(each[1]) == 2 * FIELDS else entry(number_of(each), number_of(each) - 1, b"")
        for each in entries
    ]

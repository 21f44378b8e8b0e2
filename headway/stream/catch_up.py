"""What a reader at a cursor is missing, from a consistent read of its jobs' logs. Pure."""

from bisect import bisect_right
from collections.abc import Iterator, Mapping
from itertools import accumulate
from typing import Any, NamedTuple

from . import sse
from .event import progress_of, to_json
from .history import NOWHERE, History, Tail, number_of
from .subscription import CatchUp, Subscription

PIECE = 512 * 1024
"""Bytes of entries that a reader is given at once, unless the first is larger."""


class Reading(NamedTuple):
    """What is read for one reader: its jobs when the read began, and from where."""

    reader: Subscription
    jobs: frozenset[str]
    missed: frozenset[str]
    at: int

    @classmethod
    def from_reader(cls, reader: Subscription) -> "Reading":
        """A reader that gets snapshots reads from where nothing follows."""
        at = NOWHERE if reader.fresh else reader.cursor
        return cls(reader, reader.jobs, reader.missed, at)

    def lost(self, history: History) -> set[str]:
        """The jobs of which Redis knows nothing: their state must come from elsewhere."""
        return {job for job in self.jobs if not history.tail(job, self.at).exists}


def prepare(
    reading: Reading, history: History, recovered: Mapping[str, Mapping[str, Any]]
) -> CatchUp:
    """A snapshot of each job whose history is gone, after a `resync` that says why and before a
    `progress` of the same values, then the entries of the others in the order of their numbers.
    Only entries carry ids, or the last frame where there are none: a reader that is cut off comes
    back to what it did not get.
    Of a job that has ended, and that Redis does not know, each reader gets one snapshot."""
    tails = {job: history.tail(job, reading.at) for job in sorted(reading.jobs)}
    settled = {
        job: b"".join(_snapshot(job, "", recovered.get(job)))
        for job, tail in tails.items()
        if not tail.exists and _ended(job, tail, recovered)
    }
    known = {job for job, frame in settled.items() if reading.reader.settled.get(job) == frame}
    reasons = {
        job: None if job in known else _reason(reading, job, tail, history.last)
        for job, tail in tails.items()
    }
    events, cursor, more = _merge(
        [tail for job, tail in tails.items() if reasons[job] is None], history.last
    )
    # A snapshot is of this moment: it has to wait until the entries have come that far.
    due = [(job, why) for job, why in reasons.items() if why is not None]
    postponed = [job for job, _ in due if more and tails[job].exists]
    due = [] if more else due
    snapshots = [
        frame
        for job, why in due
        for frame in _snapshot(job, why, _state(job, tails[job], recovered))
    ]
    if snapshots and not events:
        snapshots[-1] = f"id: {cursor}\n".encode() + snapshots[-1]
    final = all(_ended(job, tail, recovered) for job, tail in tails.items())
    frames = snapshots + events
    if not frames and cursor != reading.at:  # the place to come back to, all the same
        frames = [sse.encode(id=str(cursor))]
    given = reading.reader.settled if more else settled
    told = [job for job, _ in due]
    resyncs = [why for _, why in due if why]
    return CatchUp(
        frames, cursor, reading.jobs, more, final, told, postponed, given, resyncs, len(frames)
    )


def _reason(reading: Reading, job: str, tail: Tail, last: int) -> str | None:
    """None: the entries will do. Otherwise a snapshot is due, and why ("": it was asked for)."""
    if reading.reader.fresh:
        return reading.reader.reason
    if job in reading.missed:
        return "lost"
    if reading.at > last and tail.exists:
        return "unknown"
    if tail.entries and number_of(tail.entries[0]) <= reading.reader.doubted:
        return "lost"
    return tail.gap(reading.at) or None


def _merge(logs: list[Tail], last: int) -> tuple[list[bytes], int, bool]:
    """The frames of all in one order; no further than the first log that has more than fits one
    read, and than what fits one write."""
    horizon = min((log.upto for log in logs if log.upto is not None), default=last)
    if len(logs) == 1:
        entries = logs[0].entries
    else:
        known = [entry for log in logs for entry in log.entries if number_of(entry) <= horizon]
        entries = sorted(known, key=number_of)
    frames = [fields[3] for _, fields in entries]
    if sum(map(len, frames)) > PIECE and len(frames) > 1:
        fitting = max(1, bisect_right([*accumulate(map(len, frames))], PIECE))
        frames = frames[:fitting]
        horizon = number_of(entries[fitting - 1])
    return frames, horizon, horizon < last


def _snapshot(job: str, reason: str, state: Mapping[str, Any] | None) -> Iterator[bytes]:
    if reason:
        yield sse.encode(to_json({"job": job, "reason": reason}), event="resync")
    if state is not None:
        yield sse.encode(to_json(state), event="snapshot")
        yield sse.encode(to_json(progress_of(state)), event="progress")


def _state(
    job: str, tail: Tail, recovered: Mapping[str, Mapping[str, Any]]
) -> Mapping[str, Any] | None:
    return tail.state() if tail.exists else recovered.get(job)


def _ended(job: str, tail: Tail, recovered: Mapping[str, Mapping[str, Any]]) -> bool:
    if tail.exists:
        return tail.final
    return bool(recovered.get(job, {"finished": True}).get("finished"))

"""What a reader at a cursor is owed from a consistent read of its jobs' logs. Pure."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from . import sse
from .event import to_json
from .history import PAGE, Entry, History, Tail
from .subscription import NEVER, Subscription


class Request(NamedTuple):
    """What is read for one reader: its jobs when the read began, and from where."""

    reader: Subscription
    jobs: frozenset[str]
    at: int

    @classmethod
    def of(cls, reader: Subscription) -> "Request":
        """A reader that gets snapshots reads from where nothing follows."""
        return cls(reader, frozenset(reader.jobs), NEVER if reader.fresh else reader.cursor)

    def lost(self, history: History) -> set[str]:
        """The jobs of which Redis knows nothing: their state must come from elsewhere."""
        return {job for job in self.jobs if not history.tails[job, self.at].exists}


class Owed(NamedTuple):
    """Frames in order, the cursor after them, whether more is left, whether all jobs have ended."""

    frames: list[bytes]
    cursor: int
    more: bool
    final: bool


def owed(request: Request, history: History, recovered: Mapping[str, Mapping[str, Any]]) -> Owed:
    """Entries in the order of their numbers, then a snapshot of each job whose history is gone,
    after a `resync` that says why. The last snapshot carries the id from which to go on; were it
    cut off, the reader would come back with its old cursor and get them all again."""
    tails = {job: history.tails[job, request.at] for job in sorted(request.jobs)}
    reasons = {job: _reason(request.reader, tail, history.last) for job, tail in tails.items()}
    entries, cursor, more = _merge(
        [tail.entries for job, tail in tails.items() if reasons[job] is None], history.last
    )
    frames = [entry.frame for entry in entries]
    snapshots: list[bytes] = []
    for job, reason in reasons.items():
        # A snapshot is of this moment: it has to wait until the entries have come that far.
        if reason is not None and not more:
            snapshots += _snapshot(job, reason, _state(job, tails[job], recovered))
    if snapshots:
        snapshots[-1] = f"id: {cursor}\n".encode() + snapshots[-1]
    final = all(_ended(job, tail, recovered) for job, tail in tails.items())
    return Owed(frames + snapshots, cursor, more, final)


def _reason(subscription: Subscription, tail: Tail, last: int) -> str | None:
    """None: the entries will do. Otherwise a snapshot is due, and why ("": it was asked for)."""
    if subscription.fresh:
        return subscription.reason
    gap = tail.gap(subscription.cursor)
    if not gap and subscription.cursor > last:
        gap = "unknown"
    return gap or None


def _merge(logs: list[list[Entry]], last: int) -> tuple[list[Entry], int, bool]:
    """One order for all; no further than the first log that has more than fits one read."""
    horizon = min((log[-1].number for log in logs if len(log) >= PAGE), default=last)
    entries = sorted(entry for log in logs for entry in log if entry.number <= horizon)
    return entries, horizon, horizon < last


def _snapshot(job: str, reason: str, state: Mapping[str, Any] | None) -> Iterator[bytes]:
    if reason:
        yield sse.encode(to_json({"job": job, "reason": reason}), event="resync")
    if state is not None:
        yield sse.encode(to_json(state), event="snapshot")


def _state(
    job: str, tail: Tail, recovered: Mapping[str, Mapping[str, Any]]
) -> Mapping[str, Any] | None:
    return tail.state() if tail.exists else recovered.get(job)


def _ended(job: str, tail: Tail, recovered: Mapping[str, Mapping[str, Any]]) -> bool:
    if tail.exists:
        return tail.final
    return bool(recovered.get(job, {"finished": True}).get("finished"))

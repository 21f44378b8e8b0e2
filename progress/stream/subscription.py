"""One reader of some jobs: what it has been given and whether it must read the log again. Pure.

    register, catch up from the log, go live, and when in doubt catch up again

A live message is only a wake-up: it counts when no other is missing before it, otherwise the
log is read. So a first connect, a resume, a slow reader and a lost connection are one case.
"""

from collections.abc import Callable, Collection, Iterable, Sequence

from . import sse

NEVER = (1 << 63) - 1
"""A number past all that are given out."""
ROOM = 256 * 1024
"""Bytes that wait for a reader at most; one that falls further behind reads the log again."""


class Chain:
    """The live messages of one job as they arrive: each names the one before it."""

    def __init__(self) -> None:
        self._newest: int | None = None

    def start(self, newest: int) -> None:
        """A read has shown the job's newest event, and no message has come yet."""
        if self._newest is None:
            self._newest = newest

    def gap(self, prev: int, number: int) -> int | None:
        """None when the message `number` follows the last one. Otherwise some are missing, and
        this is the last one that is known to have come."""
        known = self._newest
        if known is not None and number <= known:  # on its way when the read was made
            return None
        self._newest = number
        return None if known in (None, prev) else known


class Subscription:
    """The state of one stream. `cursor`: all events up to this number have been given (None: none
    yet, send snapshots; `reason` says why the client's own was of no use). `ends`: the stream ends
    when its jobs have. `feed`: follow this owner's jobs, of which `jobs` has all once `complete`.
    `ready()` is called when there is something new to do."""

    def __init__(
        self,
        jobs: Iterable[str],
        *,
        cursor: int | None = None,
        reason: str = "",
        feed: str = "",
        ends: bool = False,
        room: int = ROOM,
    ) -> None:
        self.jobs = set(jobs)
        self.feed = feed
        self.ends = ends
        self.complete = not feed
        self.fresh = cursor is None
        self.reason = reason
        self.cursor = cursor or 0
        self.missed: set[str] = set()
        self.lagging = True
        self.ended = False
        self.ready: Callable[[], None] = lambda: None
        self._room = room
        self._heard = 0
        self._taken = self.cursor
        self._out: list[bytes] = []
        self._size = 0

    def hear(self, number: int, frame: bytes, *, final: bool = False) -> None:
        """A live message of one of the jobs, in the order in which Redis published them."""
        if number <= self.cursor or self.ended:
            return
        if self.lagging:
            self.doubt(number)
        elif self._size + len(frame) > self._room:
            self._drop()
            self.doubt(number)
        else:
            self._give([frame], number)
            if final and self.ends:
                self._end()
            self.ready()

    def miss(self, job: str, known: int) -> None:
        """Live messages of a job after `known` are missing. Where those of other jobs have moved
        the cursor on since, reading from there is no remedy: the job needs a snapshot."""
        if known < self.cursor and len(self.jobs) > 1:
            self.missed.add(job)
        self.doubt()

    def doubt(self, number: int = NEVER) -> None:
        """Something was missed (the event `number`) or may have been: read the log."""
        self._heard = max(self._heard, number)
        if not self.lagging and not self.ended:
            self.lagging = True
            self.ready()

    def arm(self) -> None:
        """Call before the channels are made sure of and the log is read: what is heard, lost or
        joined from here on may not be in it."""
        self._heard = 0

    def catch_up(
        self,
        frames: Sequence[bytes],
        cursor: int,
        *,
        more: bool = False,
        final: bool = False,
        snapshots: Collection[str] = (),
    ) -> None:
        """What the log owed; `more` of it is left to read. `final`: all jobs have ended.
        `snapshots`: the jobs of which one is among the frames."""
        self.fresh, self.reason = False, ""
        self.missed.difference_update(snapshots)
        self._give(frames, cursor)
        self.lagging = more or self._heard > self.cursor
        if final and self.ends and not more:
            self._end()
        self.ready()

    def take(self) -> bytes:
        """All that waits for the reader, as one piece; b"" when nothing does."""
        taken = b"".join(self._out)
        self._out.clear()
        self._size, self._taken = 0, self.cursor
        return taken

    def _give(self, frames: Iterable[bytes], cursor: int) -> None:
        self.cursor = cursor
        for frame in frames:
            self._out.append(frame)
            self._size += len(frame)

    def _drop(self) -> None:
        """The reader is too slow: what it has not taken can be read again."""
        self._out.clear()
        self._size, self.cursor = 0, self._taken

    def _end(self) -> None:
        self.ended = True
        self.lagging = False
        self._out.append(sse.DONE)

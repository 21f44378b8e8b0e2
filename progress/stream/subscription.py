"""One reader of some jobs: what it has been given and whether it must read the log again. Pure.

    register, catch up from the log, go live, and when in doubt catch up again

A live message is only a wake-up: it counts when it follows what the reader has, otherwise the
log is read. So a first connect, a resume, a slow reader and a lost connection are one case.
"""

from collections.abc import Callable, Iterable, Sequence

from . import sse

NEVER = (1 << 63) - 1
"""A number past all that are given out."""
ROOM = 256 * 1024
"""Bytes that wait for a reader at most; one that falls further behind reads the log again."""


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
        self.lagging = True
        self.ended = False
        self.ready: Callable[[], None] = lambda: None
        self._room = room
        self._heard = 0
        self._taken = self.cursor
        self._out: list[bytes] = []
        self._size = 0

    def hear(self, prev: int, number: int, frame: bytes, *, final: bool = False) -> None:
        """A live message of one of the jobs, which followed the job's event `prev`."""
        if number <= self.cursor or self.ended:
            return
        if self.lagging or prev > self.cursor:
            self.doubt(number)
        elif self._size + len(frame) > self._room:
            self._drop()
            self.doubt(number)
        else:
            self._give([frame], number)
            if final and self.ends:
                self._end()
            self.ready()

    def doubt(self, number: int = NEVER) -> None:
        """Something was missed (the event `number`) or may have been: read the log."""
        self._heard = max(self._heard, number)
        if not self.lagging and not self.ended:
            self.lagging = True
            self.ready()

    def arm(self) -> None:
        """Call just before the log is read: messages heard from here on may not be in it."""
        self._heard = 0

    def catch_up(
        self, frames: Sequence[bytes], cursor: int, *, more: bool = False, final: bool = False
    ) -> None:
        """What the log owed; `more` of it is left to read. `final`: all jobs have ended."""
        self.fresh, self.reason = False, ""
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

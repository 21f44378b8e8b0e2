"""Readers of the same jobs who have everything so far: live events are joined once for all of
them. Pure."""

from math import inf
from typing import NamedTuple

from .crowd import Crowd
from .subscription import Phase, Shared, Subscription


class Piece(NamedTuple):
    """One live event. `conflates`: what it makes superfluous, if that has not left yet."""

    number: int
    frame: bytes
    conflates: str = ""
    final: bool = False


class Chain:
    """The live messages of one job as they arrive: each names the one before it."""

    def __init__(self) -> None:
        self._newest: int | None = None
        self._follows = 0

    def start(self, newest: int) -> bool:
        """A read has shown the job's newest event. Whether messages are missing between that and
        the first one that has come, where any has."""
        if self._newest is None:
            self._newest = newest
        missing, self._follows = self._follows > newest, 0
        return missing

    def gap(self, prev: int, number: int) -> int | None:
        """None when the message `number` follows the last one. Otherwise some are missing, and
        this is the last one that is known to have come."""
        known = self._newest
        # Older than the read: it was on its way when that was made. But where the log does not
        # know what came before (append.lua), numbers may have begun again.
        if known is not None and number <= known and prev != number - 1:
            return None
        self._newest = number
        if known is None:
            self._follows = prev
        return None if known in (None, prev) else known


class Step(Shared):
    """Readers of a room who are given the same, as one: what a frame costs for each of them is
    little more than the system call. Where one needs more, its wire parts."""

    __slots__ = ("_crowd", "_limit")

    def __init__(self) -> None:
        super().__init__()
        self._crowd = Crowd()
        self._limit = inf

    def __bool__(self) -> bool:
        return len(self._crowd) > 0

    def take_in(self, reader: Subscription) -> bool:
        """Whether the reader is given with the others from now on."""
        if reader.wire.join(self._crowd, reader):
            self._limit = min(self._limit, self.given + reader.budget - reader.given)
            reader.step_in(self)
        return reader.shared is self

    def give(self, frames: bytes, cursor: int) -> int:
        """Sends frames that lead up to `cursor`. How many readers took them."""
        before = len(self._crowd)
        took, refused = self._crowd.write(frames)
        self.cursor, self.given = cursor, self.given + len(frames)
        for reader in took:
            reader.take(frames, cursor)
        for reader in refused:
            reader.block()
        if self.given > self._limit:
            self._limit = inf
            self.dissolve()
        return before - len(refused)

    def dissolve(self) -> None:
        """All are given on their own."""
        for reader in self._crowd.owners:
            reader.step_out()


class Room:
    """Live events of one set of jobs, joined once for all readers that have everything before
    them."""

    def __init__(self, jobs: frozenset[str]) -> None:
        self.jobs = jobs
        self.readers: set[Subscription] = set()
        self.scheduled = False
        self.sent = 0
        self._waiting: dict[str | int, Piece] = {}
        self._step = Step()

    def hear(self, piece: Piece) -> None:
        """A live event; it leaves with the next flush, unless a newer one of its kind does."""
        key = piece.conflates or piece.number
        self._waiting.pop(key, None)
        self._waiting[key] = piece

    @property
    def live(self) -> list[Subscription]:
        """The readers that have everything before the next flush."""
        live = Phase.LIVE
        return [reader for reader in self.readers if reader.phase is live]

    def lose(self, job: str, known: int) -> None:
        """Live messages of a job after `known` are missing; `doubt` is to follow. Where those of
        others have moved a reader's cursor on since, reading from there is no remedy: it needs a
        snapshot."""
        if len(self.jobs) > 1:
            for reader in self.live:
                if known < reader.cursor:
                    reader.miss([job])

    def doubt(self) -> None:
        """Anything may have been lost: all must read the log, where what waits is as well, unless
        Redis has lost it since."""
        self._waiting.clear()
        self.sent = 0
        for reader in self.readers:
            reader.fall_behind()
        self._step.cursor = 0  # numbers may begin again

    def flush(self) -> int:
        """Sends what waits to all readers that are live. How many frames they took."""
        pieces = list(self._waiting.values())
        self._waiting.clear()
        if not pieces:
            return 0
        first, self.sent = pieces[0].number, max(pieces[-1].number, self.sent)
        joined = b"".join([piece.frame for piece in pieces])
        final = pieces[-1].final  # a retry after the end makes it none
        alone = self._alone(first, over=final)
        taken = self._step.give(joined, self.sent) * len(pieces) if self._step else 0
        for reader in alone:
            frames, cursor, count = joined, self.sent, len(pieces)
            if reader.cursor >= first:  # it has read some of them
                rest = [p.frame for p in pieces if p.number > reader.cursor]
                frames, cursor, count = b"".join(rest), max(cursor, reader.cursor), len(rest)
            if reader.give(frames, cursor, over=final and reader.ends):
                taken += count
        return taken

    def _alone(self, first: int, *, over: bool) -> list[Subscription]:
        """The live readers that are to be given the event `first` on their own: `over` all of them,
        else those that cannot step in with the others."""
        if over:
            self._step.dissolve()
        live = Phase.LIVE
        alone = [r for r in self.readers if r.shared is None and r.phase is live]
        if over or len(self.readers) == 1:
            return alone
        return [r for r in alone if not (r.can_step(first) and self._step.take_in(r))]

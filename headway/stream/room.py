"""Readers of the same jobs who have everything so far: live events are joined once for all of
them. Pure."""

from typing import NamedTuple

from .subscription import Phase, Subscription


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


class Room:
    """Live events of one set of jobs, joined once for all readers that have everything before
    them."""

    def __init__(self, jobs: frozenset[str]) -> None:
        self.jobs = jobs
        self.readers: set[Subscription] = set()
        self.scheduled = False
        self.sent = 0
        self._waiting: dict[str | int, Piece] = {}

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

    def flush(self) -> int:
        """Sends what waits to all readers that are live. How many frames they took."""
        pieces = list(self._waiting.values())
        self._waiting.clear()
        if not pieces:
            return 0
        taken = 0
        first, self.sent = pieces[0].number, max(pieces[-1].number, self.sent)
        joined = b"".join([piece.frame for piece in pieces])
        final = pieces[-1].final  # a retry after the end makes it none
        for reader in self.live:
            frames, cursor, count = joined, self.sent, len(pieces)
            if reader.cursor >= first:  # it has read some of them
                rest = [p.frame for p in pieces if p.number > reader.cursor]
                frames, cursor, count = b"".join(rest), max(cursor, reader.cursor), len(rest)
            if reader.give(frames, cursor, over=final and reader.ends):
                taken += count
        return taken

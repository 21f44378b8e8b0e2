"""One reader of some jobs: what it has been given and whether it must read the log again. Pure.

    register, catch up from the log, go live, and when in doubt catch up again

Readers of the same jobs that have everything so far share a room, which gives all of them the
same live frames. A live message is only a wake-up: it counts when no other is missing before it,
otherwise the log is read. So a first connect, a resume, a slow reader and a lost connection are
one case.
"""

from collections.abc import Collection, Hashable, Iterable, Mapping, Sequence
from math import inf
from typing import NamedTuple

from . import sse
from .wire import Wire

NONE: frozenset[str] = frozenset()  # one for all: each empty set of its own takes 216 bytes
NOTHING: Mapping[str, bytes] = {}


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
        # know what came before (append.lua), numbers may have begun anew.
        if known is not None and number <= known and prev != number - 1:
            return None
        self._newest = number
        if known is None:
            self._follows = prev
        return None if known in (None, prev) else known


class Subscription:
    """The state of one stream. `cursor`: all events up to this number have been given (None: none
    yet, send snapshots; `reason` says why the client's own was of no use). `ends`: the stream ends
    when its jobs have. `feed`: follow this owner's jobs, of which `jobs` has all once `complete`.
    `heartbeat`: show life by an event, not a comment; `period`: after so many seconds of silence
    (0: as all others). `waits`: the stream ends after its first
    frames, or after so many seconds without (0: it goes on). `holder`: on whose account it is
    counted. `grant`: what lets its reader read (None: nothing that could be withdrawn), which is
    good for `lasts` seconds: then the stream ends, for its reader to come back with it. The hub
    sets `wire`, where frames go, and `budget`, the bytes after which there are no more."""

    __slots__ = (  # there is one for each viewer
        *("_armed", "blocked", "budget", "complete", "cursor", "ended", "ends", "feed", "fresh"),
        *("given", "grant", "heartbeat", "holder", "jobs", "lasts", "missed", "period", "reason"),
        *("room", "settled", "waits", "wire"),
    )

    def __init__(
        self,
        jobs: Iterable[str],
        *,
        cursor: int | None = None,
        reason: str = "",
        feed: str = "",
        ends: bool = False,
        heartbeat: bool = False,
        period: float = 0.0,
        waits: float = 0.0,
        holder: str = "",
        grant: Hashable = None,
        lasts: float = inf,
    ) -> None:
        self.jobs = frozenset(jobs)
        self.wire: Wire
        self.budget: float = inf
        self.feed, self.complete = feed, not feed
        self.ends, self.ended = ends, False
        self.fresh, self.reason = cursor is None, reason
        self.cursor = cursor or 0
        self.missed, self.settled = NONE, NOTHING
        self.heartbeat, self.period, self.waits = heartbeat, period, waits
        self.holder, self.grant, self.lasts = holder, grant, lasts
        self.given = 0
        self.blocked = False
        self.room: Room | None = None
        self._armed: tuple[Room | None, int] = (None, 0)

    @property
    def lagging(self) -> bool:
        """Whether it must read the log before it gets live frames."""
        if self.ended:
            return False
        return not self.complete or self.room is None or self not in self.room.live

    @property
    def spent(self) -> bool:
        """Whether it has been given all that a stream may cost: it ends, to be resumed."""
        return self.given > self.budget

    def arm(self) -> None:
        """Call before the channels are made sure of and the log is read: what is sent, lost or
        joined from here on may not be in it."""
        self._armed = (self.room, self.room.losses if self.room else 0)

    def catch_up(
        self,
        frames: Sequence[bytes],
        cursor: int,
        *,
        more: bool = False,
        final: bool = False,
        snapshots: Collection[str] = (),
        settled: Mapping[str, bytes] = NOTHING,
    ) -> None:
        """What the log owed; `more` of it is left to read. `final`: all jobs have ended.
        `snapshots`: the jobs of which one is among the frames. `settled`: the snapshots that this
        stream has been given of jobs that have ended and that Redis does not know."""
        over = self.ends and final and not more
        if not self.give(b"".join(frames), cursor, over=over):
            return
        self.fresh, self.reason = False, ""
        self.missed = self.missed.difference(snapshots) or NONE
        self.settled = settled or NOTHING
        if self.room is not None and not self.ended and not more:
            self.room.admit(self, self._armed)

    def give(self, frames: bytes, cursor: int, *, over: bool = False) -> bool:
        """Sends frames that lead up to `cursor`, and the end when it is `over`. Falls behind where
        the wire refuses them or the budget is spent; what it missed can be read again."""
        if self.given > self.budget:
            self._leave()
            return False
        if over:
            frames += sse.DONE
        if frames and not self.wire.write(frames):
            self.blocked = True
            self._leave()
            return False
        self.given += len(frames)
        self.cursor = cursor
        if over or (self.waits and frames):
            self.end()
        return True

    def end(self) -> None:
        """Nothing more will be sent."""
        self.ended = True
        self._leave()
        self.wire.close()

    def _leave(self) -> None:
        if self.room is not None:
            self.room.live.discard(self)


class Room:
    """Live events of one set of jobs, joined once for all who have everything before them."""

    def __init__(self, jobs: frozenset[str]) -> None:
        self.jobs = jobs
        self.readers: set[Subscription] = set()
        self.live: set[Subscription] = set()
        self.losses = 0
        self.scheduled = False
        self.sent = 0
        self._waiting: dict[str | int, Piece] = {}

    def hear(self, piece: Piece) -> None:
        """A live event; it leaves with the next flush, unless a newer one of its kind does."""
        key = piece.conflates or piece.number
        self._waiting.pop(key, None)
        self._waiting[key] = piece

    def lose(self, job: str, known: int) -> None:
        """Live messages of a job after `known` are missing; `doubt` is to follow. Where those of
        others have moved a reader's cursor on since, reading from there is no remedy: it needs a
        snapshot."""
        for reader in self.live:
            if known < reader.cursor and len(self.jobs) > 1:
                reader.missed |= {job}

    def doubt(self) -> None:
        """Anything may have been lost: all must read the log, where what waits is as well, unless
        Redis has lost it since."""
        self.losses += 1
        self.live.clear()
        self._waiting.clear()
        self.sent = 0

    def flush(self) -> None:
        """Sends what waits to all who are live."""
        pieces = list(self._waiting.values())
        self._waiting.clear()
        if not pieces:
            return
        first, self.sent = pieces[0].number, max(pieces[-1].number, self.sent)
        joined = b"".join([piece.frame for piece in pieces])
        final = pieces[-1].final  # a retry after the end makes it none
        for reader in tuple(self.live):
            frames, cursor = joined, self.sent
            if reader.cursor >= first:  # it has read some of them
                frames = b"".join([p.frame for p in pieces if p.number > reader.cursor])
                cursor = max(cursor, reader.cursor)
            reader.give(frames, cursor, over=final and reader.ends)

    def admit(self, reader: Subscription, armed: "tuple[Room | None, int]") -> None:
        """Makes a reader live, unless something has been sent or lost that it has not read."""
        unchanged = armed == (self, self.losses) and reader.cursor >= self.sent
        if unchanged and reader.complete:
            self.live.add(reader)

"""One reader of some jobs: what it has received and whether it must read the log again. Pure.

    register, catch up from the log, go live, and when in doubt catch up again

Readers of the same jobs that have everything so far share a room, which gives all of them the
same live frames. A live message is only a wake-up: it counts when no other is missing before it,
otherwise the log is read. So a first connect, a resume, a slow reader and a lost connection are
one case.
"""

from collections.abc import Callable, Collection, Hashable, Iterable, Mapping
from enum import Enum
from math import inf
from typing import NamedTuple, Protocol

from . import sse
from .wire import Wire

NONE: frozenset[str] = frozenset()  # one for all: each empty set of its own takes 216 bytes
NOTHING: Mapping[str, bytes] = {}


class Phase(Enum):
    """Where a reader is. Only the methods of Subscription move it on."""

    BEHIND = "behind"
    "It must read the log, and gets no live frames."
    READING = "reading"
    "It is about to read the log, and has missed nothing since."
    LIVE = "live"
    "It has everything, and gets live frames."
    BLOCKED = "blocked"
    "Its wire has refused a piece, and takes nothing until it is ready."
    ENDED = "ended"
    "Nothing more is sent."


class CatchUp(NamedTuple):
    """What the log has for one reader (catch_up.py)."""

    frames: list[bytes]
    cursor: int
    """Up to where the frames lead."""
    jobs: frozenset[str]
    """Of which it was read; the reader may have got others since."""
    more: bool = False
    """Whether some of it is left to read."""
    final: bool = False
    """Whether all jobs have ended."""
    snapshots: Collection[str] = ()
    """The jobs of which a snapshot is among the frames."""
    postponed: Collection[str] = ()
    """The jobs of which one is due that has to wait for what is left to read."""
    settled: Mapping[str, bytes] = NOTHING
    """The snapshots that the reader has been given of jobs that have ended and that Redis does not
    know."""
    resyncs: Collection[str] = ()
    """Why events are gone, for each snapshot that stands for some."""
    events: int = 0
    """How many blocks the frames are, however they are joined."""


class Shared:
    """What readers in step have in common: they have been given everything up to `cursor`, and
    `given` bytes each. Whoever steps in later counts from there."""

    __slots__ = ("cursor", "given")

    def __init__(self) -> None:
        self.cursor = self.given = 0


class Company(Protocol):
    """What a reader knows of its room (room.py)."""

    jobs: frozenset[str]
    readers: "set[Subscription]"
    sent: int
    """Up to where its live readers have everything."""


class Subscription:
    """The state of one stream. `cursor`: all events up to this number have been given (None: none
    yet, send snapshots; `reason` says why the client's own was of no use). `ends`: the stream ends
    when its jobs have. `feed`: follow this owner's jobs, of which `jobs` has all once `complete`.
    `heartbeat`: show life by an event, not a comment; `period`: after so many seconds of silence
    (0: as all others). `waits`: the stream ends after its first
    frames, or after so many seconds without (0: it goes on). `holder`: on whose account it is
    counted. `grant`: what lets its reader read (None: nothing that could be withdrawn), which is
    good for `lasts` seconds: then the stream ends, for its reader to come back with it. `reduce`
    makes of frames what this reader may see of them (None: all). The hub sets `wire`, where frames
    go, and `budget`, the bytes after which there are no more."""

    __slots__ = (  # there is one for each viewer
        *("_cursor", "_given", "budget", "complete", "doubted", "ends", "feed", "fresh", "grant"),
        *("heartbeat", "holder", "jobs", "lasts", "missed", "period", "phase", "reason", "reduce"),
        *("resumes", "room", "settled", "shared", "waits", "wire"),
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
        reduce: Callable[[bytes], bytes] | None = None,
    ) -> None:
        self.phase = Phase.BEHIND
        self.jobs = frozenset(jobs)
        self.wire: Wire
        self.budget: float = inf
        self.feed, self.complete, self.ends = feed, not feed, ends
        self.fresh, self.reason = cursor is None, reason
        self._cursor, self.resumes = cursor or 0, cursor is not None
        self.missed, self.settled = NONE, NOTHING
        self.doubted = 0
        self.heartbeat, self.period, self.waits = heartbeat, period, waits
        self.holder, self.grant, self.lasts, self.reduce = holder, grant, lasts, reduce
        self._given = 0
        self.shared: Shared | None = None
        self.room: Company | None = None

    @property
    def cursor(self) -> int:
        """Up to where it has been given everything."""
        return self._cursor if self.shared is None else max(self._cursor, self.shared.cursor)

    @property
    def goes_on(self) -> bool:
        """Whether it has been somewhere before, and its jobs are known: events may do."""
        return self.complete and not self.fresh

    @property
    def told(self) -> int:
        """The same, or 0 while only its client says so."""
        return 0 if self.fresh or self.resumes else self.cursor

    @property
    def given(self) -> int:
        """Bytes of events."""
        return self._given if self.shared is None else self._given + self.shared.given

    @property
    def ended(self) -> bool:
        """Whether nothing more is sent."""
        return self.phase is Phase.ENDED

    @property
    def spent(self) -> bool:
        """Whether it has been given all that a stream may cost: it ends, to be resumed."""
        return self.given > self.budget

    def can_step(self, first: int) -> bool:
        """Whether it is given what any reader is whose next event is this one."""
        own = self.reduce is not None or self.waits
        return self.phase is Phase.LIVE and self.cursor < first and not own and not self.spent

    def step_in(self, shared: Shared) -> None:
        """From now on `shared` says what it has been given, until its wire parts (`parted`)."""
        self.shared = shared
        self._given -= shared.given

    def parted(self) -> None:
        """It keeps its own account again."""
        cursor, given, self.shared = self.cursor, self.given, None
        self._cursor, self._given = cursor, given

    def step_out(self) -> None:
        """From now on it must be told on its own."""
        if self.shared is not None:
            self.wire.part()

    def begin_reading(self) -> None:
        """Call before the channels are made sure of and the log is read: what is sent, lost or
        joined from here on may not be in it. Where not all jobs are known it stays behind."""
        if self.phase is Phase.BEHIND and self.complete:
            self.phase = Phase.READING

    def fall_behind(self) -> None:
        """Live frames were lost, or may have been: it must read the log."""
        self.step_out()
        if self.phase in (Phase.READING, Phase.LIVE):
            self.phase = Phase.BEHIND

    def unblock(self) -> None:
        """Its wire takes pieces again."""
        if self.phase is Phase.BLOCKED:
            self.phase = Phase.BEHIND

    def lose_feed(self) -> None:
        """A new job of its owner may have been missed."""
        self.complete = not self.feed
        self.fall_behind()

    def learn_feed(self) -> None:
        """Its owner's jobs are about to be asked for; `lose_feed` takes it back."""
        self.complete = True

    def go_back(self, number: int) -> None:
        """What follows the number is to be read, though later events have been given: up to
        `doubted`, which of them is not known."""
        self.doubted, self._cursor = self.cursor, number

    def miss(self, jobs: Iterable[str]) -> None:
        """Events of these jobs may lie before the cursor and not have been given: each needs a
        snapshot."""
        self.missed = self.missed.union(jobs) or NONE

    def catch_up(self, found: CatchUp) -> bool:
        """Gives what the log has, and goes live unless more is left there, or something was sent
        or lost while it was read. False: its wire did not take it."""
        over = self.ends and found.final and not found.more
        if not self.give(b"".join(found.frames), found.cursor, over=over):
            return False
        self.fresh, self.reason = False, ""
        self.missed = self.missed.difference(found.snapshots) or NONE
        self.miss(found.postponed)  # from its new cursor, their gap cannot be seen
        self.settled = found.settled or NOTHING
        # What has joined in the meantime may have begun before the cursor moved.
        self.miss(self.jobs - found.jobs)
        if self.phase is Phase.READING:
            up_to_date = self.room is not None and self.cursor >= self.room.sent
            self.phase = Phase.LIVE if up_to_date and not found.more else Phase.BEHIND
        return True

    def shown(self, frames: bytes) -> bytes:
        """What its reader may see of some frames."""
        return frames if self.reduce is None else self.reduce(frames)

    def give(self, frames: bytes, cursor: int, *, over: bool = False) -> bool:
        """Sends frames that lead up to `cursor`, and the end when it is `over`. Falls behind where
        the wire refuses them or the budget is spent; what it missed can be read again."""
        self.step_out()
        if self.spent:
            self.fall_behind()
            return False
        frames = self.shown(frames) + sse.DONE if over else self.shown(frames)
        if frames and not self.wire.write(frames):
            self.block()
            return False
        self.take(frames, cursor)
        if over or (self.waits and frames):
            self.end()
        return True

    def take(self, frames: bytes, cursor: int) -> None:
        """Its wire has taken these frames, which lead up to `cursor`."""
        self._given += len(frames)
        self._cursor = cursor

    def block(self) -> None:
        """Its wire has refused."""
        self.phase = Phase.BLOCKED

    def end(self) -> None:
        """Nothing more will be sent."""
        self.step_out()
        self.phase = Phase.ENDED
        self.wire.close()

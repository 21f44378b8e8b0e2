"""Which readers listen to which channels, and when they get the messages. Without I/O."""

from collections.abc import Callable, Iterable
from typing import Any, Protocol

from . import keys
from .history import History
from .room import Chain, Piece, Room
from .subscription import Company, Subscription
from .tally import Tally

FEW = 16
"""Rooms among which the one whose tick is over first is looked for after each read."""


class Scheduler(Protocol):
    """What is needed of an event loop."""

    def time(self) -> float: ...

    def call_at(self, when: float, callback: Callable[..., object], *args: Any) -> object: ...


class Rooms:
    """Routes live messages to the rooms of their jobs, and flushes each room at once after a
    rest, then once a tick. A reader that must read the log goes to `on_lag`."""

    def __init__(
        self,
        tick: float,
        scheduler: Callable[[], Scheduler],
        on_lag: Callable[[Subscription], None],
    ) -> None:
        self._tick, self._scheduler, self._on_lag = tick, scheduler, on_lag
        self._rooms: dict[frozenset[str], Room] = {}
        self._hearing: dict[str, set[Room]] = {}
        self._feeds: dict[str, set[Subscription]] = {}
        self._chains: dict[str, Chain] = {}
        self._due: dict[Room, float] = {}
        self.counts = Tally()

    @property
    def channels(self) -> Iterable[str]:
        """All channels that some reader needs."""
        return self._hearing.keys() | {keys.feed(feed) for feed in self._feeds}

    def knows(self, jobs: Iterable[str]) -> bool:
        """Whether anybody watches one of these jobs."""
        return any(self._hearing.get(keys.live(job)) for job in jobs)

    def enter(self, reader: Subscription) -> None:
        """The reader will be admitted to the room of its jobs; it hears of their channels."""
        room = self._rooms.get(reader.jobs)
        if room is None:
            room = self._rooms[reader.jobs] = Room(reader.jobs)
            for job in reader.jobs:
                self._hearing.setdefault(keys.live(job), set()).add(room)
        room.readers.add(reader)
        reader.room, reader.jobs = room, room.jobs  # one set for all of them
        reader.fall_behind()
        if reader.feed:
            self._feeds.setdefault(reader.feed, set()).add(reader)

    def leave(self, reader: Subscription) -> None:
        """Undoes `enter`; a room ends with its last reader."""
        room, reader.room = reader.room, None
        if room is None:
            return
        reader.step_out()
        room.readers.discard(reader)
        if reader.feed:
            self._feeds[reader.feed].discard(reader)
            if not self._feeds[reader.feed]:
                del self._feeds[reader.feed]
        if not room.readers:
            self._demolish(room)

    def join(self, reader: Subscription, jobs: Iterable[str]) -> None:
        """The reader follows these jobs as well, unless it has left."""
        if reader.room is not None:
            self.leave(reader)
            reader.jobs |= frozenset(jobs)
            self.enter(reader)
            self._on_lag(reader)

    def start(self, read: History) -> None:
        """A read of the log was made: chains of messages that have not begun begin after it."""
        for (job, _), tail in read.tails.items():
            missing = self._chain(keys.live(job)).start(tail.newest)
            for room in tuple(self._hearing.get(keys.live(job), ())):
                # Or Redis has lost what was sent, and numbers begin again
                if missing or room.sent > read.last:
                    self._lose(room)

    def doubt(self) -> None:
        """Live messages may have been lost, those of new jobs as well: nobody is live any more."""
        for room in self._rooms.values():
            for reader in room.readers:
                reader.lose_feed()
            self._lose(room)

    def on_subscribe(self, channel: str) -> None:
        """A channel begins again: what its next message follows is not known."""
        self._chains.pop(channel, None)

    def on_message(self, channel: str, data: bytes) -> None:
        """A live message "<prev> <number> <mark>\\n<frame>", or "<job> <number>" of a new
        job's first event. One of a later version has more words before its frame: all look into
        the log."""
        self.counts["heard", ""] += 1
        feed = channel.removeprefix(keys.feed(""))
        if feed != channel:
            new_job, began = data.decode().split(" ")
            for reader in tuple(self._feeds.get(feed, ())):
                self._on_new_job(reader, new_job, int(began))
            return
        rooms = self._hearing.get(channel)
        if not rooms:
            return
        head, _, frame = data.partition(b"\n")
        prev, number, mark, *later = head.split(b" ")
        job = channel.removeprefix(keys.live(""))
        conflates = job if mark == b"progress" else ""
        piece = Piece(int(number), frame, conflates, mark == b"final")
        known = self._chain(channel).gap(int(prev), piece.number)
        for room in tuple(rooms):
            if known is not None:
                room.lose(job, known)
            if known is not None or later:
                self._lose(room)
            if not later:
                room.hear(piece)
                self._schedule(room)

    def rest(self) -> float:
        """For how many seconds no message is needed, as no room is given anything before. A little
        less, so that what has come until then leaves with the tick."""
        if not 0 < len(self._rooms) == len(self._due) <= FEW:  # one that has been quiet is told now
            return 0.0
        return min(self._due.values()) - self._tick / 10 - self._scheduler().time()

    def _on_new_job(self, reader: Subscription, job: str, number: int) -> None:
        """A new job of the reader's owner, which began with the event `number`. It was announced
        before anything later was published, so catching up gives all of it, unless the reader has
        read past that in the meantime. One that it follows is announced again when it runs, for
        readers that have not heard of its start."""
        if job not in reader.jobs:
            if number <= reader.cursor:
                reader.miss([job])
            self.join(reader, [job])

    def _lose(self, room: Room) -> None:
        room.doubt()
        for reader in room.readers:
            self._on_lag(reader)

    def _chain(self, channel: str) -> Chain:
        return self._chains.setdefault(channel, Chain())

    def _schedule(self, room: Room) -> None:
        """Flushes a room at once, or when its tick is over."""
        now, due = self._scheduler().time(), self._due.get(room, 0.0)
        if now >= due:
            self._due[room] = now + self._tick
            self.counts["frames", ""] += room.flush()
        elif not room.scheduled:
            room.scheduled = True
            self._scheduler().call_at(due, self._flush, room)

    def _flush(self, room: Room) -> None:
        room.scheduled = False
        if room in self._due:
            self._due[room] = self._scheduler().time() + self._tick
            self.counts["frames", ""] += room.flush()

    def _demolish(self, room: Company) -> None:
        self._due.pop(self._rooms.pop(room.jobs), None)
        for job in room.jobs:
            channel = keys.live(job)
            self._hearing[channel].discard(room)
            if not self._hearing[channel]:
                del self._hearing[channel]
                self._chains.pop(channel, None)

"""Which readers hear which channels, and when they get what has been heard."""

import asyncio
from collections.abc import Callable, Iterable

from . import keys
from .history import History
from .subscription import Chain, Piece, Room, Subscription


class Rooms:
    """Routes live messages to the rooms of their jobs, and flushes each room at once after a
    rest, then once a tick. A job that is announced to a reader's feed goes to `on_new_job`, a
    reader for whom messages are missing to `on_lag`."""

    def __init__(
        self,
        tick: float,
        on_new_job: Callable[[Subscription, str, int], None],
        on_lag: Callable[[Subscription], None],
    ) -> None:
        self._tick, self._on_new_job, self._on_lag = tick, on_new_job, on_lag
        self._rooms: dict[frozenset[str], Room] = {}
        self._hearing: dict[str, set[Room]] = {}
        self._feeds: dict[str, set[Subscription]] = {}
        self._chains: dict[str, Chain] = {}
        self._due: dict[Room, float] = {}

    @property
    def channels(self) -> Iterable[str]:
        """All that somebody needs to be subscribed to."""
        return self._hearing.keys() | {keys.feed(feed) for feed in self._feeds}

    def enter(self, reader: Subscription) -> None:
        """The reader will be admitted to the room of its jobs; it hears of their channels."""
        room = self._rooms.get(reader.jobs)
        if room is None:
            room = self._rooms[reader.jobs] = Room(reader.jobs)
            for job in reader.jobs:
                self._hearing.setdefault(keys.live(job), set()).add(room)
        room.readers.add(reader)
        reader.room, reader.jobs = room, room.jobs  # one set for all of them
        if reader.feed:
            self._feeds.setdefault(reader.feed, set()).add(reader)

    def leave(self, reader: Subscription) -> None:
        """Undoes `enter`; a room ends with its last reader."""
        room, reader.room = reader.room, None
        if room is None:
            return
        room.readers.discard(reader)
        room.live.discard(reader)
        if reader.feed:
            self._feeds[reader.feed].discard(reader)
            if not self._feeds[reader.feed]:
                del self._feeds[reader.feed]
        if not room.readers:
            self._demolish(room)

    def start(self, read: History) -> None:
        """A read of the log was made: chains of messages that have not begun begin after it."""
        for (job, _), tail in read.tails.items():
            missing = self._chain(keys.live(job)).start(tail.newest)
            for room in tuple(self._hearing.get(keys.live(job), ())):
                # Or Redis has lost what was sent, and numbers begin anew
                if missing or room.sent > read.last:
                    self._lose(room)

    def doubt(self) -> None:
        """Live messages may have been lost: nobody is live any more."""
        for room in self._rooms.values():
            room.doubt()

    def on_subscribe(self, channel: str) -> None:
        """A channel begins anew: what its next message follows is not known."""
        self._chains.pop(channel, None)

    def on_message(self, channel: str, data: bytes) -> None:
        """A live message "<prev> <number> <mark>\\n<frame>", or "<job> <number>" of a new
        job's first event."""
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
        prev, number, mark = head.split(b" ")
        job = channel.removeprefix(keys.live(""))
        conflates = job if mark == b"progress" else ""
        piece = Piece(int(number), frame, conflates, mark == b"final")
        known = self._chain(channel).gap(int(prev), piece.number)
        for room in tuple(rooms):
            if known is not None:
                room.lose(job, known)
                self._lose(room)
            room.hear(piece)
            self._schedule(room)

    def _lose(self, room: Room) -> None:
        room.doubt()
        for reader in room.readers:
            self._on_lag(reader)

    def _chain(self, channel: str) -> Chain:
        return self._chains.setdefault(channel, Chain())

    def _schedule(self, room: Room) -> None:
        """Flushes a room at once, or when its tick is over."""
        loop = asyncio.get_running_loop()
        now, due = loop.time(), self._due.get(room, 0.0)
        if now >= due:
            self._due[room] = now + self._tick
            room.flush()
        elif not room.scheduled:
            room.scheduled = True
            loop.call_at(due, self._flush, room)

    def _flush(self, room: Room) -> None:
        room.scheduled = False
        if room in self._due:
            self._due[room] = asyncio.get_running_loop().time() + self._tick
            room.flush()

    def _demolish(self, room: Room) -> None:
        del self._rooms[room.jobs]
        self._due.pop(room, None)
        for job in room.jobs:
            channel = keys.live(job)
            self._hearing[channel].discard(room)
            if not self._hearing[channel]:
                del self._hearing[channel]
                self._chains.pop(channel, None)

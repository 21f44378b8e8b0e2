"""Readers that are behind, and the rounds in which they catch up. Without I/O: between the steps of
a round the hub makes sure of the channels, reads the log and asks the database."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import islice
from typing import Any

from .catch_up import Reading, prepare
from .history import History
from .rooms import Rooms
from .subscription import CatchUp, Phase, Subscription


class Behind:
    """The readers that must read the log, in the order in which they fell behind; `on_add` is
    called when there is one more."""

    def __init__(self, on_add: Callable[[], None]) -> None:
        self._readers: dict[Subscription, None] = {}
        self._on_add = on_add

    def __len__(self) -> int:
        return len(self._readers)

    def add(self, reader: Subscription) -> None:
        """Notes a reader, if it is behind and has not left."""
        if reader.phase is Phase.BEHIND and reader.room is not None:
            self._readers[reader] = None
            self._on_add()

    def unblock(self, reader: Subscription) -> None:
        """Its wire takes pieces again."""
        reader.unblock()
        self.add(reader)

    def discard(self, reader: Subscription) -> None:
        """It has caught up, or left."""
        self._readers.pop(reader, None)

    def first(self, count: int) -> list[Subscription]:
        """Those that have waited longest."""
        return list(islice(self._readers, count))

    def postpone(self, readers: Iterable[Subscription]) -> None:
        """A round has failed: a reader that makes one fail must not keep the others waiting."""
        for reader in readers:
            if reader in self._readers:
                del self._readers[reader]
                self._readers[reader] = None


class Round:
    """One round of catching up, step by step: begin, `read_from`, `have_read`, `finish`."""

    def __init__(self, rooms: Rooms, behind: Behind, count: int) -> None:
        self.readers = behind.first(count)
        self._rooms, self._behind = rooms, behind
        self._readings: list[Reading] = []
        self._history = History(0)
        for reader in self.readers:  # before anything else: a loss from here on must be seen
            reader.begin_reading()

    def have_asked(self, reader: Subscription, jobs: Iterable[str]) -> None:
        """These are the jobs of a reader's feed."""
        self._rooms.join(reader, jobs)
        reader.begin_reading()

    def read_from(self) -> Sequence[tuple[str, int]]:
        """Each (job, cursor) that is to be read from the log, in one consistent read."""
        here = [reader for reader in self.readers if reader.room is not None]
        self._readings = [Reading.from_reader(reader) for reader in here]
        return sorted({(job, each.at) for each in self._readings for job in each.jobs})

    def have_read(self, history: History) -> Sequence[str]:
        """Takes what was read. The jobs that Redis does not know: the database is to be asked."""
        self._history = history
        self._rooms.start(history)
        return sorted({job for reading in self._readings for job in reading.lost(history)})

    def finish(self, recovered: Mapping[str, Mapping[str, Any]]) -> list[Subscription]:
        """Gives all readers what they are missing; `recovered` has the snapshots that the database
        knows.
        The readers whose budget is spent are returned, and are to be ended."""
        for reading in self._readings:
            reader = reading.reader
            if reader.room is not None:
                due = prepare(reading, self._history, recovered)
                if reader.catch_up(due):
                    self._count(reader, due)
                self._behind.discard(reader)
                self._behind.add(reader)
        return [reader for reader in self.readers if reader.spent and reader.room is not None]

    def _count(self, reader: Subscription, given: CatchUp) -> None:
        counts = self._rooms.counts
        counts["frames", ""] += len(given.frames)
        counts.update(("resyncs", reason) for reason in given.resyncs)
        if reader.resumes and not given.more:
            reader.resumes = False
            counts["resumed", "snapshots" if given.snapshots else "events"] += 1

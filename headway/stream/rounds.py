"""Readers that are behind, and the rounds in which they catch up. Without I/O: between the steps of
a round the hub makes sure of the channels, reads the log and asks the database."""

from collections.abc import Callable, Collection, Hashable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from . import keys
from .catch_up import Reading, prepare
from .history import NOWHERE, History
from .rooms import Rooms
from .subscription import CatchUp, Phase, Subscription

LOGS = 100
"""Logs that one round reads, about: a reader more is taken while there are fewer."""
WINDOW = 60_000_000
"""Microseconds, which numbers are: cursors that are no further apart share a read."""
AT_ONCE = 100
"""Readers that are given what they lack before others may go on."""


class Behind:
    """The readers that must read the log, in the order in which they fell behind; `on_add` is
    called when there is one more."""

    def __init__(self, on_add: Callable[[], None]) -> None:
        self._readers: dict[Subscription, None] = {}
        self._on_add = on_add
        self.alone: set[Subscription] = set()
        """Those whose next read is for their own cursor: a read that they shared did not come as
        far."""

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
        self.alone.discard(reader)

    def first(self, count: int) -> list[Subscription]:
        """So many that have waited longest, or fewer where they have many jobs between them."""
        found: list[Subscription] = []
        jobs: set[str] = set()
        known: set[frozenset[str]] = set()
        for reader in self._readers:
            if len(found) == count or len(jobs) >= LOGS:
                break
            found.append(reader)
            if not reader.complete:  # its jobs are one question more
                jobs.add(f"of {len(found)}")
            if reader.jobs not in known:
                known.add(reader.jobs)
                jobs |= reader.jobs
        return found

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
        self._early: set[Subscription] = set()
        for reader in self.readers:  # before anything else: a loss from here on must be seen
            reader.begin_reading()

    @property
    def knows_jobs(self) -> bool:
        """Whether nobody's jobs have to be asked for, which is not before all is heard."""
        return all(reader.complete for reader in self.readers)

    @property
    def goes_on(self) -> bool:
        """Whether events may do for everybody."""
        return all(reader.goes_on for reader in self.readers)

    def disarm(self, channels: Collection[str]) -> None:
        """Who listens to these may miss what is sent until the log is read again. Until then they
        are given events alone: a snapshot that Redis cannot give would be due twice."""
        for reader in self.readers:
            if any(keys.live(job) in channels for job in reader.jobs):
                reader.fall_behind()
                self._early.add(reader)

    def have_asked(self, reader: Subscription, jobs: Iterable[str]) -> None:
        """These are the jobs of a reader's feed."""
        self._rooms.join(reader, jobs)
        reader.begin_reading()

    def read_from(self) -> Sequence[tuple[str, int]]:
        """Each (job, cursor) that is to be read from the log, in one consistent read: readers whose
        cursors are near each other share one."""
        here = [reader for reader in self.readers if reader.room is not None]
        self._readings = [Reading.from_reader(reader) for reader in here]
        wanted: dict[str, set[int]] = {}
        exact: dict[str, set[int]] = {}
        for jobs, at, alone in {
            (each.jobs, each.at, each.reader in self._behind.alone) for each in self._readings
        }:
            for job in jobs:
                (exact if alone else wanted).setdefault(job, set()).add(at)
        shared = {(job, at) for job, cursors in wanted.items() for at in _windows(cursors)}
        return sorted(shared | {(job, at) for job, cursors in exact.items() for at in cursors})

    def have_read(self, history: History) -> Sequence[str]:
        """Takes what was read. The jobs that Redis does not know: the database is to be asked."""
        self._history = history
        self._rooms.start(history)
        timely = (each for each in self._readings if each.reader not in self._early)
        return sorted({job for reading in timely for job in reading.lost(history)})

    def finish(
        self, recovered: Mapping[str, Mapping[str, Any]]
    ) -> Iterator[Sequence[Subscription]]:
        """Gives everybody what they lack, some in each step; `recovered` has the snapshots that the
        database knows. The readers whose budget is spent are returned, and are to be ended."""
        due: dict[Hashable, CatchUp] = {}
        for begin in range(0, len(self._readings), AT_ONCE):
            some = self._readings[begin : begin + AT_ONCE]
            for reading in some:
                # Who may have missed a new job since would pass over what it began with
                if reading.reader.room is not None and reading.reader.complete:
                    self._give(reading, recovered, due)
            yield [reader for reader, *_ in some if reader.spent and reader.room is not None]

    def _give(
        self,
        reading: Reading,
        recovered: Mapping[str, Mapping[str, Any]],
        due: dict[Hashable, CatchUp],
    ) -> None:
        """The same bytes for all that lack the same, so that they become one chunk (direct.py)."""
        reader = reading.reader
        lacks = (reading.jobs, reading.at, reader.fresh, reader.reason, reader.doubted)
        found = None if reading.missed or reader.settled else due.get(lacks)
        if found is None:
            found = prepare(reading, self._history, recovered)
            if not reading.missed and not reader.settled:
                found = due[lacks] = found._replace(frames=[b"".join(found.frames)])
        comes_later = reader in self._early and (found.snapshots or found.postponed)
        if not comes_later and reader.catch_up(found):
            self._count(reader, found)
        self._behind.discard(reader)
        self._behind.add(reader)
        if found.more and found.cursor == reading.at:
            self._behind.alone.add(reader)

    def _count(self, reader: Subscription, given: CatchUp) -> None:
        counts = self._rooms.counts
        counts["frames", ""] += given.events
        counts.update(("resyncs", reason) for reason in given.resyncs)
        if reader.resumes and not given.more:
            reader.resumes = False
            counts["resumed", "snapshots" if given.snapshots else "events"] += 1


def _windows(cursors: Collection[int]) -> Iterator[int]:
    """Where to read from, so that each cursor has a place at it or a little before."""
    begun: int | None = None
    for at in sorted(cursors):
        if begun is None or (at - begun > WINDOW and at != NOWHERE):
            begun = at
            yield at

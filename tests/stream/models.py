"""Redis, a viewer and time without any I/O, for tests that drive what a hub drives."""

from collections.abc import Callable, Sequence
from typing import Any

from headway.stream.history import History, Tail, entry
from headway.stream.sse import Decoder, Message
from headway.stream.wire import Wire

JOBS = ("a", "b")
TICK = 1.0


class Time:
    """The time of an event loop, which passes when it is told to."""

    def __init__(self) -> None:
        self.now = TICK
        self.due: list[tuple[float, Callable[..., object], tuple[Any, ...]]] = []

    def time(self) -> float:
        return self.now

    def call_at(self, when: float, callback: Callable[..., object], *args: Any) -> None:
        self.due.append((when, callback, args))

    def pass_by(self, seconds: float) -> None:
        self.now += seconds
        due, self.due = self.due, []
        for when, callback, args in due:
            assert when <= self.now, "nothing is put off for longer than a tick"
            callback(*args)


Written = tuple[int, int, bytes]
"""An event: its number, the one before it and its frame."""


class Redis:
    """What append.lua and history.py do, for two jobs, without a server."""

    def __init__(self) -> None:
        self.last = 0
        self.logs: dict[str, list[Written]] = {job: [] for job in JOBS}
        self.newest: dict[str, int] = {}
        self.created: set[str] = set()

    def append(self, job: str, clock: int) -> Written:
        number = max(self.last + 1, clock)
        created = job not in self.newest and clock == 0
        prev = self.newest.get(job, 0 if created else number - 1)
        if created:
            self.created.add(job)
        frame = f'id: {number}\nevent: log\ndata: {{"job":"{job}"}}\n\n'.encode()
        self.logs[job].append((number, prev, frame))
        self.newest[job] = self.last = number
        return number, prev, frame

    def read(self, wanted: Sequence[tuple[str, int]]) -> History:
        return History(self.last, {(job, at): self._tail(job, at) for job, at in wanted})

    def _tail(self, job: str, at: int) -> Tail:
        log = self.logs[job]
        known = {}
        if job in self.newest:
            known[b"n"] = b"%d" % self.newest[job]
            known[b"state"] = b'{"job":"%s","current":%d}' % (job.encode(), self.newest[job])
        if job in self.created:
            known[b"created"] = b"1"
        entries = [entry(*each) for each in log if each[0] > at]
        return Tail(known, log[0][1] if log else 0, entries)


class Viewer(Wire):
    """A client, by the rules of the specification, behind a wire that holds a few frames."""

    def __init__(self) -> None:
        self.ready: Callable[[], None] = lambda: None
        self.got: list[Message] = []
        self.decoder = Decoder()
        self.buffered = b""
        self.cuts = 0

    def write(self, piece: bytes) -> bool:
        if self.buffered and len(self.buffered) + len(piece) > 400:
            return False
        self.buffered += piece
        return True

    def close(self) -> None:
        """The jobs here never end."""

    def abandon(self) -> None:
        """Nor is anything waited for."""

    def take(self, share: float = 1.0) -> None:
        taken, self.buffered = self.buffered, b""
        self.got += self.decoder.feed(taken[: int(len(taken) * share)])
        self.ready()

    @property
    def cursor(self) -> int | None:
        return int(self.decoder.last_id) if self.decoder.last_id else None

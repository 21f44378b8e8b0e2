"""The load client: many SSE connections in one thread. It only keeps what arrives and when; what
that was is judged after the clock has stopped, so that the client stays faster than any server."""

import errno
import itertools
import os
import re
import select
import socket
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

CHUNK = re.compile(rb"(?:\A|\r\n)[0-9a-fA-F]+\r\n")
ID = re.compile(rb"^id: ?([0-9]+)$", re.MULTILINE)
AT_ONCE = 32
"""Connections that are being opened at the same time at most."""


@dataclass(slots=True)
class Viewer:
    """One connection: its request, and (arrival in monotonic seconds, bytes) of all it got."""

    request: bytes
    port: int
    descriptor: int = -1
    pieces: list[tuple[float, bytes]] = field(default_factory=list)
    ended: bool = False

    def body(self) -> bytes:
        """What came after the headers, without the chunks of HTTP. CR LF never stands in a
        payload here, so a chunk's size line cannot be mistaken for anything else."""
        whole = b"".join(piece for _, piece in self.pieces)
        head, _, body = whole.partition(b"\r\n\r\n")
        return CHUNK.sub(b"", body) if b"chunked" in head.lower() else body

    def ids(self) -> list[int]:
        """The ids of the blocks that carry data, in order of arrival."""
        blocks = self.body().split(b"\n\n")
        return [int(i) for block in blocks if b"\ndata:" in block for i in ID.findall(block)]

    @property
    def accepted(self) -> bool:
        """Whether a 200 and something of a body have come."""
        whole = b"".join(piece for _, piece in self.pieces[:3])
        return whole.startswith(b"HTTP/1.1 200") and len(whole.partition(b"\r\n\r\n")[2]) > 0


class Viewers:
    """Clients of one or more servers on ports of `host`. `connect`, `listen`, then ask each."""

    def __init__(self, targets: Iterable[tuple[int, bytes]], host: str = "127.0.0.1") -> None:
        """`targets`: a port and a whole HTTP request for each viewer."""
        self._host = host
        self.all = [Viewer(request, port) for port, request in targets]
        self._unopened = list(reversed(self.all))
        self._sockets: dict[int, socket.socket] = {}
        self._by_descriptor: dict[int, Viewer] = {}
        self._watched: dict[int, Callable[[], object]] = {}
        self._epoll = select.epoll()
        self.last_arrival = 0.0

    def connect(
        self,
        count: int | None = None,
        *,
        seconds: float = 120,
        first_bytes: bool = True,
        at_once: int = AT_ONCE,
    ) -> None:
        """Opens the next `count` connections (None: all that are left); returns once each has got
        its headers and the first bytes of its stream, unless the server sends none by itself.
        Raises TimeoutError or ConnectionError."""
        deadline = time.monotonic() + seconds
        waiting: set[int] = set()
        left = len(self._unopened) if count is None else count
        todo = [self._unopened.pop() for _ in range(left)][::-1]
        while todo or waiting:
            while todo and len(waiting) < at_once:
                waiting.add(self._open(todo.pop()))
            for descriptor, _ in self._epoll.poll(0.1):
                viewer = self._by_descriptor[descriptor]
                self._read(viewer)
                if viewer.ended:
                    raise ConnectionError(f"turned away: {viewer.pieces!r:.500}")
                if not first_bytes or viewer.accepted:
                    waiting.discard(descriptor)
            if time.monotonic() > deadline:
                raise TimeoutError(f"{len(todo) + len(waiting)} viewers could not connect")

    def watch(self, descriptor: int, call: Callable[[], object]) -> None:
        """Calls once, while listening, when another file descriptor has something to read."""
        self._watched[descriptor] = call
        self._epoll.register(descriptor, select.EPOLLIN)

    def listen(self, done: Callable[[], bool], seconds: float) -> None:
        """Reads what comes until `done()` or for `seconds`; `done` is asked every 20 ms."""
        end = time.monotonic() + seconds
        look = 0.0
        while (now := time.monotonic()) < end:
            if now >= look:
                if done():
                    return
                look = now + 0.02
            self.turn(0.02)

    def quiet(self, since: float, seconds: float) -> None:
        """Reads until nothing has come for `since` seconds, `seconds` at most."""
        began = time.monotonic()
        self.listen(lambda: time.monotonic() - max(began, self.last_arrival) > since, seconds)

    def close(self) -> None:
        """Closes all connections."""
        for each in self._sockets.values():
            each.close()
        self._epoll.close()

    def turn(self, timeout: float) -> None:
        """Reads once what there is, after waiting for it `timeout` seconds at most."""
        for descriptor, _ in self._epoll.poll(timeout):
            viewer = self._by_descriptor.get(descriptor)
            if viewer is not None:
                self._read(viewer)
            else:
                self._epoll.unregister(descriptor)
                self._watched.pop(descriptor)()

    def _read(self, viewer: Viewer) -> None:
        try:
            piece = os.read(viewer.descriptor, 262144)
        except OSError as error:
            if error.errno == errno.EAGAIN:
                return
            piece = b""
        if piece:
            self.last_arrival = time.monotonic()
            viewer.pieces.append((self.last_arrival, piece))
        else:
            self._end(viewer)

    def _open(self, viewer: Viewer) -> int:
        client = socket.create_connection((self._host, viewer.port), timeout=20)
        client.sendall(viewer.request)
        client.setblocking(False)
        viewer.descriptor = client.fileno()
        self._sockets[viewer.descriptor] = client
        self._by_descriptor[viewer.descriptor] = viewer
        self._epoll.register(viewer.descriptor, select.EPOLLIN)
        return viewer.descriptor

    def _end(self, viewer: Viewer) -> None:
        viewer.ended = True
        self._epoll.unregister(viewer.descriptor)


@dataclass(frozen=True, slots=True)
class Published:
    """What the publisher wrote: numbers by job, and those that no viewer may miss."""

    numbers: frozenset[int]
    required: frozenset[int]

    @classmethod
    def of(cls, written: Sequence[tuple[str, int, str]]) -> "Published":
        """From (job, number, kind) in the order of writing: of `progress` only the last counts,
        everything else must arrive."""
        last = {job: number for job, number, _ in written}
        kept = {number for _, number, kind in written if kind != "progress"}
        return cls(frozenset(number for _, number, _ in written), frozenset(last.values()) | kept)

    def check(self, ids: Sequence[int]) -> int:
        """How many of these events a viewer with these ids got. Raises AssertionError when one
        that must arrive is missing, or when ids are repeated or out of order."""
        if any(later <= earlier for earlier, later in itertools.pairwise(ids)):
            raise AssertionError("ids are repeated or out of order")
        got = self.numbers.intersection(ids)
        if missing := self.required - got:
            raise AssertionError(f"{len(missing)} events that must arrive have not")
        return len(got)

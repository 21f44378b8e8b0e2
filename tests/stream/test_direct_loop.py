"""Viewers on sockets that come, read, sleep and leave in any order: each gets what was written to
it, whole and in order, or the beginning of it, and never another's; nothing is left open.

Found by this or by tests/stream/test_handover.py when tried by hand: a remainder that is dropped
(`SocketWire.write` forgetting `_rest`), a descriptor that is forgotten (`Sockets.release` without
`os.close`), a write before the head (`hand_over` not waiting for `descriptor`)."""

import asyncio
import contextlib
import gc
import socket
from collections.abc import Coroutine
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from headway.stream.direct import LAST_CHUNK, Sockets
from tests.stream.serving import descriptors

which = st.integers(0, 7)


@pytest.fixture(scope="module", autouse=True)
def nothing_is_left_of_others() -> None:
    """Descriptors are counted: those of the tests before are not to be closed in between."""
    gc.collect()


class Viewer:
    """One connection: `taken` is what the wire has taken for it, `got` what has come."""

    def __init__(self, name: int, sockets: Sockets) -> None:
        self.name = b"%d" % name
        near, self.far = socket.socketpair()
        for each in (near, self.far):
            each.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        self.far.setblocking(False)
        self.wire = sockets.adopt(near.fileno())
        near.close()
        self.left = self.ready = self.ended = False
        self.wire.begin(self.leave)
        self.wire.ready = self.be_ready
        self.taken = self.got = b""

    def leave(self) -> None:
        self.left = True

    def be_ready(self) -> None:
        self.ready = True

    def read(self, count: int) -> None:
        with contextlib.suppress(BlockingIOError, OSError):
            self.got += self.far.recv(count)


class Crowd(RuleBasedStateMachine):
    """A crowd before one `Sockets`."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.before = descriptors()
        self.sockets: Sockets
        self.here: list[Viewer] = []
        self.count = 0
        self.run(self._open())

    async def _open(self) -> None:
        self.sockets = Sockets()

    def run(self, work: Coroutine[Any, Any, None]) -> None:
        """Some work, and a few turns of the loop after it."""
        self.loop.run_until_complete(work)
        self.loop.run_until_complete(self._turns())

    @precondition(lambda self: len(self.here) < 6)
    @rule()
    def somebody_comes(self) -> None:
        async def come() -> None:
            self.count += 1
            self.here.append(Viewer(self.count, self.sockets))

        self.run(come())

    @precondition(lambda self: self.here)
    @rule(index=which, size=st.sampled_from([1, 100, 3000, 40_000]), times=st.integers(1, 5))
    def something_is_written(self, index: int, size: int, times: int) -> None:
        viewer = self.here[index % len(self.here)]

        async def write() -> None:
            for number in range(times):
                piece = b"<%b %d>" % (viewer.name, len(viewer.taken) + number) * size
                if viewer.wire.write(piece):
                    viewer.taken += b"%x\r\n%b\r\n" % (len(piece), piece)

        self.run(write())

    @rule(size=st.sampled_from([10, 2000]))
    def all_get_the_same(self, size: int) -> None:
        async def write() -> None:
            piece = b"<to all>" * size
            for viewer in self.here:
                if viewer.wire.write(piece):
                    viewer.taken += b"%x\r\n%b\r\n" % (len(piece), piece)

        self.run(write())

    @precondition(lambda self: self.here)
    @rule(index=which, count=st.sampled_from([1, 1000, 1_000_000]))
    def somebody_reads(self, index: int, count: int) -> None:
        self.here[index % len(self.here)].read(count)

    @precondition(lambda self: self.here)
    @rule(index=which)
    def somebody_speaks(self, index: int) -> None:
        with contextlib.suppress(OSError):
            self.here[index % len(self.here)].far.send(b"GET / HTTP/1.1\r\n\r\n")

    @precondition(lambda self: self.here)
    @rule(index=which)
    def somebody_leaves(self, index: int) -> None:
        viewer = self.here.pop(index % len(self.here))
        viewer.far.close()
        self.run(self._turns())
        assert viewer.left
        self.run(self._write_to(viewer))

    async def _write_to(self, viewer: Viewer) -> None:
        assert viewer.wire.write(b"<to one who has left>")
        viewer.wire.close()

    async def _turns(self) -> None:
        for _ in range(5):
            await asyncio.sleep(0)

    @precondition(lambda self: self.here)
    @rule(index=which)
    def a_stream_ends(self, index: int) -> None:
        viewer = self.here.pop(index % len(self.here))
        self.run(self._end(viewer))
        self._read_all(viewer)
        assert viewer.got == viewer.taken + LAST_CHUNK
        assert viewer.left
        viewer.far.close()

    async def _end(self, viewer: Viewer) -> None:
        viewer.wire.close()

    def _read_all(self, viewer: Viewer) -> None:
        for _ in range(2000):
            before = len(viewer.got)
            viewer.read(1_000_000)
            self.run(self._turns())
            if len(viewer.got) == before and viewer.left:
                return

    @invariant()
    def nobody_gets_anything_but_the_beginning_of_what_is_his(self) -> None:
        for viewer in self.here:
            assert viewer.taken.startswith(viewer.got)

    @invariant()
    def as_many_descriptors_are_open_as_there_are_viewers(self) -> None:
        apart = 1 if self.here else 0  # the epoll
        assert descriptors() == self.before + 2 * len(self.here) + apart

    def teardown(self) -> None:
        while self.here:
            self.a_stream_ends(0)
        assert descriptors() == self.before
        self.loop.close()


TestSockets = Crowd.TestCase
TestSockets.settings = settings(max_examples=30, stateful_step_count=40, deadline=None)

"""Both ends of connections that are written to directly."""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Callable

import pytest

from headway.stream.direct import Sockets, SocketWire
from headway.stream.wire import nothing
from tests.stream.serving import descriptors

RESET = struct.pack("ii", 1, 0)


def chunk(piece: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(piece), piece)


class Viewer:
    """Both ends of a TCP connection: `wire` writes to one, the viewer reads from the other."""

    def __init__(
        self,
        sockets: Sockets,
        listener: socket.socket,
        just_before: Callable[[], None] = nothing,
    ) -> None:
        """`just_before` it is adopted; a number that becomes free then is used again."""
        self.far = socket.socket()
        self.far.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self.far.connect(listener.getsockname())
        near, _ = listener.accept()
        near.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        self.far.setblocking(False)
        just_before()
        self.wire: SocketWire = sockets.adopt(near.fileno())
        near.close()  # as the server does
        self.left, self.ready = asyncio.Event(), asyncio.Event()
        self.told: list[tuple[int, float]] = []
        self.wire.begin(self.left.set, lambda sent, seconds: self.told.append((sent, seconds)))
        self.wire.ready = self.ready.set
        self.got = b""

    @property
    def number(self) -> int:
        """Of the descriptor that the wire writes to."""
        return self.wire.descriptor

    def fill(self, piece: bytes) -> bytes:
        """Writes until the wire refuses; what it has taken."""
        taken = b""
        while self.wire.write(piece):
            taken += chunk(piece)
        return taken

    async def read(self, count: int) -> bytes:
        """Until there are so many bytes in all."""
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(30):
            while len(self.got) < count:
                piece = await loop.sock_recv(self.far, 65536)
                assert piece, self.got[-100:]
                self.got += piece
        return self.got

    async def read_all(self) -> bytes:
        """Until the end."""
        async with asyncio.timeout(30):
            while piece := await asyncio.get_running_loop().sock_recv(self.far, 65536):
                self.got += piece
        return self.got

    def reset(self) -> None:
        self.far.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        self.far.close()


class Crowd:
    """Viewers of one `Sockets`, all of whom have left in the end."""

    def __init__(self) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
        self.before = descriptors()
        self.sockets = Sockets()
        self.all: list[Viewer] = []

    def viewer(self, just_before: Callable[[], None] = nothing) -> Viewer:
        self.all.append(Viewer(self.sockets, self.listener, just_before))
        return self.all[-1]

    async def leave(self) -> None:
        """Everybody goes; nothing is left open."""
        for viewer in self.all:
            viewer.far.close()
        await self.sockets.close(30)
        assert not len(self.sockets)
        assert descriptors() <= self.before  # fewer: others were left to the garbage collector
        self.listener.close()


@pytest.fixture
async def crowd() -> AsyncIterator[Crowd]:
    """Viewers who have all left when the test is over."""
    made = Crowd()
    yield made
    await made.leave()

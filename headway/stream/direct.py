"""Connections that belong only to the hub: chunks of HTTP/1.1 go straight to the socket, and
one epoll, which the event loop watches as a single file, tells which clients can take more or
have left."""

import asyncio
import contextlib
import errno
import os
import select
import time
from collections.abc import Callable
from os import write
from typing import Any

from . import tcp
from .crowd import Crowd, as_chunk
from .outlet import unacknowledged
from .wire import Owner, Wire, nothing

LAST_CHUNK = b"0\r\n\r\n"
MAX_HEARD = 64 * 1024
"""Bytes that are read of what a viewer says after its request; the rest stays in the kernel, where
it stops the viewer. Unread bytes turn the end of a connection into a reset."""
BATCH = 256
"""Connections that are looked after in one turn of the event loop at most."""
LINGER = 30.0
"""Seconds that a stream which has ended waits for its viewer to take the last bytes."""
LOOK = 0.2
"""Seconds between two looks at whether the last bytes were taken, at most."""
RETRY = 0.1
"""Seconds until the kernel is asked again when it was short of memory."""
# Edge-triggered, so that one registration is enough for the whole life of a connection.
_WATCHED, _LEFT = (
    sum(getattr(select, f"EPOLL{name}", 0) for name in names)
    for names in (("IN", "OUT", "RDHUP", "ET"), ("HUP", "ERR", "RDHUP"))
)


class Sockets:
    """The connections of one event loop, by descriptor. The epoll is there while there is one."""

    def __init__(self) -> None:
        self._wires: dict[int, SocketWire] = {}
        self._epoll: select.epoll
        self._newest = 0
        self.cut_off = 0
        """Of streams that ended, those whose viewers did not take the last bytes in time."""
        self._empty = asyncio.Event()
        self._piece = self._chunk = b""

    def __len__(self) -> int:
        return len(self._wires)

    def adopt(self, descriptor: int) -> "SocketWire":
        """A wire over a descriptor of our own for this connection, of which nothing is written
        before the server has let go. Raises OSError when there can be none."""
        if not self._wires:
            self._watch()
        own = -1
        try:
            own = os.dup(descriptor)
            tcp.prepare(own)
            self._epoll.register(own, _WATCHED)
        except BaseException:
            if own >= 0:
                os.close(own)
            if not self._wires:
                self._unwatch()
            raise
        self._newest += 1
        wire = self._wires[own] = SocketWire(self, own, self._newest)
        return wire

    def chunk(self, piece: bytes) -> bytes:
        """A piece as a chunk. Readers who catch up are given the same piece one after the other, so
        it is made once for all of them."""
        if piece is not self._piece:
            self._piece, self._chunk = piece, as_chunk(piece)
        return self._chunk

    def release(self, descriptor: int) -> None:
        """Closes a connection."""
        del self._wires[descriptor]
        # By name: the server's own descriptor may keep the connection in there a little longer.
        self._epoll.unregister(descriptor)
        os.close(descriptor)
        if not self._wires:
            self._unwatch()

    async def close(self, seconds: float = 1.0) -> None:
        """Waits for streams that have ended to leave, and drops all that is left."""
        if self._wires:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._empty.wait(), seconds)
        for wire in tuple(self._wires.values()):
            wire.abandon()

    def _watch(self) -> None:
        self._epoll = select.epoll()
        self._empty.clear()
        asyncio.get_running_loop().add_reader(self._epoll.fileno(), self._look)

    def _unwatch(self) -> None:
        asyncio.get_running_loop().remove_reader(self._epoll.fileno())
        self._epoll.close()
        self._piece = self._chunk = b""
        self._empty.set()

    def _look(self) -> None:
        newest = self._newest
        for descriptor, event in self._epoll.poll(0, BATCH):
            wire = self._wires.get(descriptor)
            # One that is newer got the number of one which has left since: the event is not its.
            if wire is not None and wire.generation <= newest:
                wire.on_event(event)


class SocketWire(Wire):
    """Writes to a socket that nobody else writes to. What the kernel did not take of a piece is
    kept, and until it has left the wire refuses: the reader has fallen behind and reads the log."""

    __slots__ = (
        *("_closing", "_crowd", "_gone", "_heard", "_log", "_rest", "_sent", "_since"),
        *("_sockets", "_waiting", "descriptor", "generation", "owner", "ready"),
    )
    way = "handed_over"

    def __init__(self, sockets: Sockets, descriptor: int, generation: int) -> None:
        self.ready: Callable[[], None] = nothing
        self._sockets, self.generation = sockets, generation
        self.descriptor: int = descriptor
        self._gone: Callable[[], None] = nothing
        self._log: Callable[[int, float], None] | None = None
        self._crowd: Crowd | None = None
        self.owner: Any = None
        self._rest = b""
        self._waiting = self._closing = False
        self._heard = self._sent = 0
        self._since = time.monotonic()

    def begin(
        self,
        gone: Callable[[], None],
        log: Callable[[int, float], None] | None = None,
        head: bytes = b"",
    ) -> None:
        """From now on `gone` is called, in a turn of its own, when the connection is no more, and
        `log` with the bytes that were sent and the seconds since it was adopted. The head of the
        response, where the server has not sent it, leaves with the first piece."""
        self._gone, self._log = gone, log
        self._rest, self._sent = head, -len(head)  # which no server counts

    def write(self, piece: bytes) -> bool:
        """Refuses while something of an earlier piece waits, and when the socket is full."""
        if self._waiting:
            return False
        chunk = self._sockets.chunk(piece)
        if self._rest:  # the head
            chunk = self._rest + chunk
        try:
            sent = write(self.descriptor, chunk)
        except OSError as error:
            return self.fail(error)
        self._sent += sent
        self._rest = b""
        if sent < len(chunk):
            self._wait(chunk[sent:])
        return True

    def join(self, crowd: Crowd, owner: Owner) -> bool:
        """Unless something waits, or it is closed."""
        if self._waiting or self.descriptor < 0:
            return False
        self._crowd, self.owner = crowd, owner
        crowd.add(self.descriptor, self)
        self._sent -= crowd.sent
        return True

    def part(self) -> None:
        """Nobody but itself writes to the descriptor from now on."""
        if self._crowd is not None:
            crowd, owner = self._crowd, self.owner
            self._crowd = self.owner = None
            crowd.remove(self.descriptor)
            self._sent += crowd.sent
            owner.parted()

    def keep(self, chunk: bytes, sent: int) -> None:
        """The rest of a chunk, of which its crowd has sent so much."""
        self._wait(chunk[sent:])
        self._sent += sent

    def close(self) -> None:
        """Sends what waits and the end of the response, and closes the connection."""
        if self._closing or self.descriptor < 0:
            return
        self._closing = True
        free = not self._waiting
        self._wait(self._rest + LAST_CHUNK)
        if free:
            self._flush()
        if self.descriptor >= 0:
            asyncio.get_running_loop().call_later(LINGER, self._cut_off)

    def unread(self) -> bool:
        """Whether the viewer has yet to take something of a stream that has ended."""
        return self.descriptor >= 0

    def reset(self) -> None:
        """Closes the connection, and throws away what the viewer has not taken."""
        if self.descriptor >= 0:
            tcp.throw_away(self.descriptor)
            self.abandon()

    def abandon(self) -> None:
        """Closes the connection as it is."""
        if self.descriptor < 0:
            return
        self._hear()
        self.part()
        descriptor, self.descriptor = self.descriptor, -1  # its number may be another's soon
        self._rest, self._waiting = b"", False
        self._sockets.release(descriptor)
        # Not at once: it may be in the middle of a flush that this viewer is found to have left.
        asyncio.get_running_loop().call_soon(self._over)

    def _cut_off(self) -> None:
        self._sockets.cut_off += self.unread()
        self.abandon()

    def on_event(self, event: int) -> None:
        """What epoll reports of this connection."""
        if event & _LEFT:
            self.abandon()
            return
        if event & select.EPOLLIN:
            self._hear()
        self._flush()

    def fail(self, error: OSError) -> bool:
        """Whether a write that failed is as good as done, since nobody is there any more."""
        self.part()
        if self.descriptor < 0:
            return True
        if error.errno == errno.EAGAIN:
            self._wait(self._rest)
        elif error.errno in (errno.ENOBUFS, errno.ENOMEM):
            self._wait(self._rest)  # no event will tell when there is memory again
            asyncio.get_running_loop().call_later(RETRY, self._flush)
        else:
            self.abandon()
            return True
        return False

    def _wait(self, rest: bytes) -> None:
        self.part()
        self._rest, self._waiting = rest, True

    def _flush(self) -> None:
        if not self._waiting:
            return
        if self._rest:
            try:
                sent = write(self.descriptor, self._rest)
            except OSError as error:
                self.fail(error)
                return
            self._sent += sent
            self._rest = self._rest[sent:]
        if self._rest:
            return
        self._waiting = False
        if self._closing:
            self._leave()
        else:
            self.ready()

    def _leave(self, pause: float = 0.01) -> None:
        """Closes the connection once its viewer has taken everything: until then it is counted."""
        if self.descriptor >= 0 and unacknowledged(self.descriptor):
            asyncio.get_running_loop().call_later(pause, self._leave, min(2 * pause, LOOK))
        else:
            self.abandon()

    def _hear(self) -> None:
        if self._heard < MAX_HEARD:
            with contextlib.suppress(OSError):
                self._heard += len(os.read(self.descriptor, MAX_HEARD - self._heard))

    def _over(self) -> None:
        gone, self._gone = self._gone, nothing
        self.ready = nothing
        gone()
        if self._log is not None:
            self._log(self._sent, time.monotonic() - self._since)


def is_possible() -> bool:
    """Whether this system reports clients that leave: Linux does."""
    return hasattr(select, "epoll")

"""The last step to a viewer: accepts a piece of the stream now, or says that it cannot."""

import asyncio
import types
from collections.abc import Callable, Coroutine, Generator
from typing import Any, ClassVar, Protocol

from .asgi import Message, Send
from .crowd import Crowd
from .outlet import Outlet


class Owner(Protocol):
    """Whoever a crowd writes for."""

    def parted(self) -> None:
        """Its wire has left the crowd."""


class Wire(Protocol):
    """What the hub knows of a viewer's connection."""

    __slots__ = ()

    way: ClassVar[str] = "sent"
    """One of tally.py's WAYS."""
    descriptor: int | None = None
    """One of its own, made for it; None where it writes by other means."""
    ready: Callable[[], None]
    """Called once a wire that refused can take pieces again."""

    def write(self, piece: bytes) -> bool:
        """Sends a piece. False: not now, and nothing of it was sent."""

    def join(self, crowd: Crowd, owner: "Owner") -> bool:
        """Lets a crowd write to it, until it must be written to alone: then `owner` is told. False:
        it must be already."""
        del crowd, owner
        return False

    def part(self) -> None:
        """Leaves its crowd, if it is in one."""
        return

    def close(self) -> None:
        """The stream has ended: what was written is sent, and nothing more."""

    def unread(self) -> bool:
        """Whether the client has yet to take something of what was written, as far as known."""
        return False

    def reset(self) -> None:
        """Ends the connection, and throws away what was not taken."""
        return


class Buffer(Wire):
    """Keeps pieces until a generator asks for them: works under every handler."""

    def __init__(self, room: int) -> None:
        """`room`: bytes that wait at most."""
        self.ready: Callable[[], None] = nothing
        self._room, self._size = room, 0
        self._pieces: list[bytes] = []
        self._refused = self._closed = False
        self._something = asyncio.Event()

    def write(self, piece: bytes) -> bool:
        """Refuses when there is something already and this would be too much."""
        if self._size and self._size + len(piece) > self._room:
            self._refused = True
            return False
        self._pieces.append(piece)
        self._size += len(piece)
        self._something.set()
        return True

    def close(self) -> None:
        """Lets `take` return b"" after the last piece."""
        self._closed = True
        self._something.set()

    async def take(self) -> bytes:
        """All that waits, as one piece; waits for it. b"" after the end."""
        while not self._pieces and not self._closed:
            self._something.clear()
            await self._something.wait()
        taken = b"".join(self._pieces)
        self._pieces.clear()
        self._size = 0
        if self._refused:
            self._refused = False
            self.ready()
        return taken


class AsgiWire(Wire):
    """Drives an ASGI `send` from wherever `write` is called, without a task. Only a `send` that
    has to wait, because the client does not read, is finished by one."""

    __slots__ = ("_closing", "_gone", "_outlet", "_over", "_send", "_waiting", "ready")

    def __init__(self, send: Send, gone: Callable[[], None], server: object = None) -> None:
        """`gone` is called after the last piece, and when the connection turns out to be lost.
        `server`: its own `send`, where that is another one."""
        self.ready: Callable[[], None] = nothing
        self._send, self._gone = send, gone
        self._outlet = Outlet(server or send)
        self._waiting: asyncio.Task[None] | None = None
        self._closing = self._over = False

    def write(self, piece: bytes) -> bool:
        """Refuses while an earlier piece is still waiting."""
        if self._waiting is not None:
            return False
        self._drive({"type": "http.response.body", "body": piece, "more_body": True})
        return True

    def close(self) -> None:
        """Ends the response, after what is waiting."""
        self._closing = True
        if self._waiting is None:
            self._finish()

    def abandon(self) -> None:
        """Gives up what is waiting."""
        if self._waiting is not None:
            self._waiting.cancel()

    def unread(self) -> bool:
        """Also while the end itself waits."""
        return self._waiting is not None or self._outlet.unread()

    def reset(self) -> None:
        """Whatever the server would still like to send."""
        self._outlet.reset()
        self.abandon()

    def _drive(self, message: Message) -> None:
        sending: Any = self._send(message)
        try:
            blocked_on = sending.send(None)
        except StopIteration:
            return
        except Exception:  # noqa: BLE001 - servers differ in how they say that a client has left
            self._gone()
            return
        self._waiting = asyncio.ensure_future(_rest(sending, blocked_on))
        self._waiting.add_done_callback(self._sent)

    def _sent(self, task: "asyncio.Task[None]") -> None:
        self._waiting = None
        if task.cancelled() or task.exception() is not None or self._over:
            self._gone()
        elif self._closing:
            self._finish()
        else:
            self.ready()

    def _finish(self) -> None:
        self._over = True
        self._drive({"type": "http.response.body", "body": b"", "more_body": False})
        self._outlet.end()
        if self._waiting is None:
            self._gone()


def can_be_driven(sending: object) -> bool:
    """Whether what `send(...)` returned is a coroutine. Granian's is another kind of awaitable,
    which only a task can wait for."""
    return isinstance(sending, Coroutine)


@types.coroutine
def _rest(sending: Any, blocked_on: Any) -> Generator[Any, Any, None]:
    """The rest of a coroutine that has been started: first waits for what it waits for."""
    while True:
        try:
            result = yield blocked_on
        except BaseException as error:  # noqa: BLE001 - a task's cancellation is passed on, too
            step, value = sending.throw, error
        else:
            step, value = sending.send, result
        try:
            blocked_on = step(value)
        except StopIteration:
            return


def nothing() -> None:
    """What a wire calls that nobody waits for."""

"""One WebSocket: any number of streams that share a connection, and the client's requests."""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any

from .asgi import Receive, Send
from .hub import Hub
from .subscription import Subscription
from .websocket_messages import Frame, frames, joined, parsed, told
from .wire import AsgiWire, Wire, nothing

logger = logging.getLogger(__name__)

Answer = Callable[["Socket", Mapping[str, Any] | None], Awaitable[None]]
"""Does what one message of a client asks for; None is one that is no JSON object."""

MAX_MESSAGE = 64 * 1024
"""Bytes of one message of a client at most."""
MAX_WAITING = 32
"""Messages of one client that wait for the one before at most."""
TOO_EAGER, TOO_LARGE, BROKEN, RETURN, LATER, SIGN_IN = 4008, 4009, 4011, 4012, 4013, 4401
"""Why a connection is closed: 3000 more than the registered codes (RFC 6455, section 7.4), which
Daphne lets no application send, and HTTP's 401."""
_ENDS_ALL = {"busy": LATER, "auth": SIGN_IN}
"""What an event that ends the connection's own stream means for it; otherwise RETURN."""
_ENDS_ONE = ("done", "busy", "auth")
"""Events after which a stream is over and the connection is not."""


class Socket:
    """One connection. It counts as a stream of no jobs itself, and so lives by the hub's rules: it
    shows signs of life, ends by age, and is refused over a limit."""

    def __init__(self, hub: Hub, own: Subscription, send: Send) -> None:
        """`own`: the stream of no jobs."""
        self._hub, self._own, self._send = hub, own, send
        self._streams: dict[str, Subscription] = {}
        self._refused: dict[_Lane, None] = {}
        self._free = asyncio.Event()
        self._wire = AsgiWire(self._speak, self._gone, send)
        self._wire.ready = self._on_ready
        self._given = 0
        self._code: int | None = None
        self._task, self._over = asyncio.current_task(), False
        self._todo: deque[str | bytes] = deque()
        self._working: asyncio.Task[None] | None = None

    async def serve(self, receive: Receive, answer: Answer) -> None:
        """Streams until the client leaves or the connection is closed."""
        try:
            self._hub.attach(self._own, _Lane(self, None))
            while (message := await receive())["type"] != "websocket.disconnect":
                self._take(message.get("text") or message.get("bytes") or "", answer)
            self._over = True
        except asyncio.CancelledError:
            if not self._over or self._task is None:  # the server ends
                self.close(RETURN)
                raise
            self._task.uncancel()
        finally:
            self._over = True
            if self._working is not None:
                self._working.cancel()
            if self._code is not None:  # by us: its last bytes are waited for
                self._own.end()
            for reader in (self._own, *self._streams.values()):
                self._hub.detach(reader)
            self._wire.abandon()

    async def say(self, event: str, data: Mapping[str, Any], stream: str | None = None) -> None:
        """Sends a message that is no frame of a stream, once the client has read what was sent."""
        while not self.write([told(event, data)], stream):
            self._free.clear()
            await self._free.wait()

    def open(self, name: str, reader: Subscription) -> None:
        """Begins a stream, in place of the one of this name."""
        self.end(name)
        self._streams[name] = reader
        self._hub.attach(reader, _Lane(self, name))

    def end(self, name: str) -> bool:
        """Ends a stream. False: there was none of this name."""
        reader = self._streams.pop(name, None)
        if reader is not None:
            self._hub.detach(reader)
        return reader is not None

    def close(self, code: int) -> None:
        """Ends the connection, after what was written."""
        if self._code is None:
            self._code = code
            self._wire.close()

    def write(self, shown: Iterable[Frame], stream: str | None) -> bool:
        """Sends frames. False: not now, since the client does not read; `ready` of the stream's
        lane will be called."""
        if self._code is not None:
            return True  # nobody will miss them
        piece = joined(shown, stream)
        if piece and not self._wire.write(piece):
            return False
        self._given += len(piece)
        if self._given > self._hub.limits.max_bytes:  # of all streams: they share what is kept
            self.close(RETURN)
        return True

    def await_turn(self, lane: "_Lane") -> None:
        """Asks for `ready` of a lane that was refused."""
        self._refused[lane] = None

    def on_end(self, name: str | None, last: str) -> None:
        """A stream has ended, by the hub's will, with this event."""
        if name is None:
            self.close(_ENDS_ALL.get(last, RETURN))
        elif last not in _ENDS_ONE:
            self.close(RETURN)
        elif name in self._streams:  # the hub has not finished with it yet
            asyncio.get_running_loop().call_soon(self._hub.detach, self._streams.pop(name))

    def unread(self) -> bool:
        """Whether the connection is to end, and the client has yet to take what was said."""
        return self._code is not None and self._wire.unread()

    def reset(self) -> None:
        """Ends the connection by force."""
        self._wire.reset()

    def _take(self, text: str | bytes, answer: Answer) -> None:
        """Never waits, so that a server that keeps whatever a client sends is soon rid of it."""
        if len(text) > MAX_MESSAGE:
            self.close(TOO_LARGE)
        elif len(self._todo) >= MAX_WAITING:
            self.close(TOO_EAGER)
        else:
            self._todo.append(text)
            if self._working is None or self._working.done():
                self._working = asyncio.ensure_future(self._work(answer))

    async def _work(self, answer: Answer) -> None:
        try:
            while self._todo:
                await answer(self, parsed(self._todo.popleft()))
        except Exception:
            logger.exception("A message of a WebSocket could not be answered")
            self.close(BROKEN)

    async def _speak(self, message: Mapping[str, Any]) -> None:
        """What AsgiWire says to an HTTP connection, as WebSocket messages."""
        for line in message["body"].split(b"\n"):
            if line:
                await self._send({"type": "websocket.send", "text": line.decode("ascii")})
        if not message["more_body"]:
            await self._send({"type": "websocket.close", "code": self._code})

    def _on_ready(self) -> None:
        self._free.set()
        lanes, self._refused = self._refused, {}
        for lane in lanes:
            lane.ready()

    def _gone(self) -> None:
        if not self._over and self._task is not None:
            self._over = True
            self._task.cancel()


class _Lane(Wire):
    """The wire of one stream: its share of the connection."""

    way = "websocket"

    def __init__(self, socket: Socket, name: str | None) -> None:
        """`name` is None for the connection's own stream, of which only the events are shown."""
        self.ready: Callable[[], None] = nothing
        self._socket, self._name = socket, name
        self._last = ""

    def write(self, piece: bytes) -> bool:
        shown = [each for each in frames(piece) if each.event or self._name is not None]
        if not self._socket.write(shown, self._name):
            self._socket.await_turn(self)
            return False
        self._last = shown[-1].event if shown else self._last
        return True

    def close(self) -> None:
        self._socket.on_end(self._name, self._last)

    def unread(self) -> bool:
        return self._socket.unread()

    def reset(self) -> None:
        self._socket.reset()

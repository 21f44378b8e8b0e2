"""The far end of a WebSocket, as an ASGI server shows it, and a socket of the engine before it."""

import asyncio
import json
from collections.abc import Mapping
from typing import Any

from headway.stream import Hub, Subscription
from headway.stream.websocket import Socket
from tests.stream.streams import until

Message = dict[str, Any]


class FarEnd:
    """A client that reads while `reads` is set, until its connection is `broken`. `told` is what it
    was sent, `steps` how the connection was dealt with, `code` why it was closed."""

    def __init__(self) -> None:
        self.told: list[Message] = []
        self.steps: list[str] = []
        self.code: int | None = None
        self.broken = False
        self.reads = asyncio.Event()
        self.reads.set()
        self._coming: asyncio.Queue[Message] = asyncio.Queue()

    async def receive(self) -> Message:
        return await self._coming.get()

    async def send(self, message: Mapping[str, Any]) -> None:
        await self.reads.wait()
        if self.broken:
            raise OSError("the client has left")
        if message["type"] == "websocket.send":
            self.told.append(json.loads(message["text"]))
        else:
            self.steps.append(message["type"].removeprefix("websocket."))
            self.code = message.get("code")

    def say(self, text: str | bytes) -> None:
        """Sends a message, as text or as bytes."""
        kind = "text" if isinstance(text, str) else "bytes"
        self._coming.put_nowait({"type": "websocket.receive", kind: text})

    def leave(self) -> None:
        self._coming.put_nowait({"type": "websocket.disconnect", "code": 1005})

    @property
    def events(self) -> list[str]:
        """Of all that it was told, "" for what is no event."""
        return [each.get("event", "") for each in self.told]


class Connected:
    """A client and its socket. What the client says, `asked` gets, or `answer` where a test has set
    one."""

    def __init__(self, hub: Hub, own: Subscription | None = None) -> None:
        self.far, self.hub = FarEnd(), hub
        self.own = own or Subscription([], heartbeat=True)
        self.asked: list[Mapping[str, Any] | None] = []
        self.serving = asyncio.ensure_future(self._serve())

    async def begun(self) -> Socket:
        """The socket, once it is open."""
        await until(lambda: self.far.told)
        return self.socket

    async def answer(self, socket: Socket, asked: Mapping[str, Any] | None) -> None:
        assert socket is self.socket
        self.asked.append(asked)

    async def left(self) -> None:
        """Leaves, and waits for the socket to be done."""
        self.far.leave()
        await self.serving
        assert not self.hub.readers

    async def _serve(self) -> None:
        self.socket = Socket(self.hub, self.own, self.far.send)
        await self.socket.serve(self.far.receive, lambda *asked: self.answer(*asked))

"""A real WebSocket client that checks every message against docs/protocol.md."""

import json
import time
from typing import Any, Self

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from tests.support.patience import PATIENCE
from tests.support.protocol import SOCKET, valid_frame

Message = dict[str, Any]


class Client:
    """One connection. `cursor` is the id of the last event of any stream, `beats` counts signs
    of life."""

    def __init__(self, url: str, *, bearer: str = "", cookie: str = "", **options: Any) -> None:
        headers = {}
        if bearer:
            headers["Authorization"] = f"Bearer {bearer}"
        if cookie:
            headers["Cookie"] = f"sessionid={cookie}"
        address = url.replace("http://", "ws://") + "/ws/jobs/"
        defaults = {
            "compression": None,
            "open_timeout": PATIENCE,
            "close_timeout": 1,
            "ping_timeout": None,  # a busy server may take its time
            "proxy": None,
        }
        self._connecting = connect(address, additional_headers=headers, **defaults | options)
        self.connection: ClientConnection
        self.cursor = ""
        self.beats = 0

    def __enter__(self) -> Self:
        self.connection = self._connecting.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        self._connecting.__exit__(*error)

    def send(self, kind: str, **fields: Any) -> None:
        """A good message."""
        message = {"type": kind, **fields}
        SOCKET[kind].validate(message)
        self.connection.send(json.dumps(message))

    def take(self, seconds: float = PATIENCE) -> Message:
        """The next message that is no sign of life."""
        message: Message = {"event": "heartbeat"}
        until = time.monotonic() + seconds
        while message.get("event") == "heartbeat":
            message = json.loads(self.connection.recv(timeout=until - time.monotonic()))
            valid_frame(message)
            self.beats += message.get("event") == "heartbeat"
        if "stream" in message:
            self.cursor = message.get("id", self.cursor)
        return message

    def until(self, event: str) -> list[Message]:
        """All messages up to the first of this event."""
        got, closed = self.rest(event)
        assert closed == 0, f"closed: {closed}, {got}"
        return got

    def ask(self, kind: str, **fields: Any) -> Message:
        """Sends a message and takes its answer."""
        self.send(kind, **fields)
        return self.take()

    def rest(self, until: str = "") -> tuple[list[Message], int | None]:
        """What comes until an event, or until the connection is closed, and why it was: None when
        it was cut off, 0 when it is still open."""
        got: list[Message] = []
        try:
            while not got or got[-1].get("event") != until:
                got.append(self.take())
        except ConnectionClosed as closing:
            return got, closing.rcvd.code if closing.rcvd else None
        return got, 0


def refusal(answer: Message) -> tuple[str | None, str, list[str]]:
    """What was refused, why, and for which jobs."""
    assert answer["event"] == "refused"
    data = answer["data"]
    return data["type"], data["message"], data["jobs"]

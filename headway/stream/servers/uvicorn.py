"""Connections of Uvicorn: transports of asyncio or uvloop, whichever parser is used."""

import types
from collections.abc import Sequence
from sys import intern
from typing import Any

from ..servers.held import Held, Kept, Line, Log, lacking

NAME = "Uvicorn"
CYCLE = (
    *("access_log", "default_headers", "disconnected", "message_event", "on_response"),
    *("response_started", "scope", "send", "transport"),
)
USES = {("uvicorn.protocols.http.h11_impl", "RequestResponseCycle"): CYCLE}
"""The attributes that are used, none of them public."""


def is_of(send: Any) -> bool:
    """Whether this is the method of a request of Uvicorn's (uvicorn/protocols/http/)."""
    if not isinstance(send, types.MethodType):
        return False
    return type(send.__self__).__module__.startswith("uvicorn.protocols.http.")


def held(send: Any) -> Held | Kept:
    """The connection of one of Uvicorn's requests."""
    cycle = send.__self__
    if missing := lacking(type(cycle), CYCLE):
        return Kept(f"this version of Uvicorn lacks {', '.join(missing)}")
    if cycle.scope["http_version"] != "1.1" or cycle.scope["method"] == "HEAD":
        return Kept("it speaks HTTP/1.0 or HTTP/2")
    if cycle.transport.get_extra_info("sslcontext") is not None:
        return Kept("it is encrypted by the server itself")
    return Connection(cycle)


class Connection:
    """One whose transport has public methods for all that is needed (asyncio.Transport)."""

    server = NAME

    def __init__(self, cycle: Any) -> None:
        self._cycle = cycle

    @property
    def announced(self) -> bool:
        return any(
            name == b"connection" and b"close" in value.lower()
            for name, value in self._cycle.scope["headers"]
        )

    def headers(self) -> Sequence[tuple[bytes, bytes]] | None:
        cycle = self._cycle
        headers: Sequence[tuple[bytes, bytes]] = cycle.default_headers
        return None if cycle.access_log or cycle.response_started else headers

    def send_head(self) -> None:
        """It is on its way."""

    def descriptor(self) -> int | None:
        cycle, transport = self._cycle, self._cycle.transport
        # Without a length h11 knows no other way
        is_odd = cycle.response_started and not getattr(cycle, "chunked_encoding", True)
        if transport.is_closing() or transport.get_write_buffer_size() or is_odd:
            return None
        return int(transport.get_extra_info("socket").fileno())

    def access_log(self, path: str) -> Log | None:
        if not self._cycle.access_log:
            return None
        scope = self._cycle.scope
        client = "{}:{}".format(*scope["client"]) if scope["client"] else "-"
        # Uvicorn makes both for each request, and many streams have the same path
        return Line(client, intern(scope["method"]), intern(path or scope["path"]), 200)

    def let_go(self) -> None:
        """The transport closes its descriptor without a word. The request counts as served."""
        self._cycle.transport.abort()
        # Of a connection with a second request on it Uvicorn tells that one alone that it is lost
        self._cycle.disconnected = True
        self._cycle.message_event.set()
        self._cycle.on_response()  # for --limit-max-requests

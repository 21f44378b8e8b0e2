"""Connections of Daphne, which are Twisted's. Neither is imported: the server has loaded them."""

import functools
import sys
from collections.abc import Sequence
from typing import Any

from ..servers.held import Held, Kept, Line, Log, lacking

NAME = "Daphne"
REQUEST = (
    *("_response_started", "channel", "chunked", "client_addr", "clientproto", "code", "duration"),
    *("method", "requestHeaders", "sentLength", "server", "uri", "write"),
)
TRANSPORT = (
    *("TLS", "_shouldShutdown", "_tempDataBuffer", "connected", "connectionLost", "dataBuffer"),
    "fileno",
)
USES = {
    ("daphne.http_protocol", "WebRequest"): REQUEST,
    ("twisted.internet.tcp", "Server"): TRANSPORT,
}
"""The attributes that are used, most of them not public."""


def is_of(send: Any) -> bool:
    """Whether this is `partial(Server.handle_reply, request)` (daphne/server.py)."""
    if not isinstance(send, functools.partial):
        return False
    return type(getattr(send.func, "__self__", None)).__module__ == "daphne.server"


def held(send: Any) -> Held | Kept:
    """The connection of one of Daphne's requests."""
    request = send.args[0]
    transport = getattr(request.channel, "transport", None)
    plain = isinstance(transport, _loaded("twisted.internet.tcp", "Connection"))
    if not plain or getattr(transport, "TLS", False):
        return Kept("it is encrypted by the server itself, or speaks HTTP/2")
    if missing := lacking(type(request), REQUEST) + lacking(type(transport), TRANSPORT):
        return Kept(f"this version of Daphne or Twisted lacks {', '.join(missing)}")
    if request.clientproto != b"HTTP/1.1" or request.method == b"HEAD":
        return Kept("it speaks HTTP/1.0")
    if request.server.http_timeout:
        return Kept("Daphne is to end responses itself (--http-timeout)")
    return Connection(request, transport)


class Connection:
    """One of Twisted's: what it has not sent yet is in `dataBuffer` and `_tempDataBuffer`."""

    server = NAME

    def __init__(self, request: Any, transport: Any) -> None:
        self._request, self._transport = request, transport

    @property
    def announced(self) -> bool:
        values = self._request.requestHeaders.getRawHeaders(b"Connection", [b""])
        return b"close" in values[0].lower()

    def headers(self) -> Sequence[tuple[bytes, bytes]] | None:
        if self._request._response_started:
            return None
        name = self._request.server.server_name
        return [(b"Server", name.encode())] if name else []

    def send_head(self) -> None:
        self._request.write(b"")

    def descriptor(self) -> int | None:
        transport = self._transport
        is_odd = self._request._response_started and not self._request.chunked
        if not transport.connected or is_odd:
            return None
        if transport.dataBuffer or transport._tempDataBuffer:
            return None
        return int(transport.fileno())

    def access_log(self, path: str) -> Log | None:
        request, server = self._request, self._request.server
        if server.action_logger is None:
            return None
        address, uri = request.client_addr, path or request.uri.decode("ascii", "replace")
        client = "{}:{}".format(*address) if address else "-"
        line = Line(client, request.method.decode(), uri.partition("?")[0], request.code)
        before, head = request.duration(), request.sentLength

        def write(sent: int, seconds: float) -> None:
            line(sent, before + seconds)
            details = {"path": uri, "status": line.status, "method": line.method, "client": client}
            details |= {"time_taken": before + seconds, "size": head + sent}
            server.log_action("http", "complete", details)

        return write

    def let_go(self) -> None:
        self._transport._shouldShutdown = False  # else it ends the connection for us, too
        done = _loaded("twisted.internet.error", "ConnectionDone")
        self._transport.connectionLost(_loaded("twisted.python.failure", "Failure")(done()))


def _loaded(module: str, name: str) -> Any:
    return getattr(sys.modules[module], name)

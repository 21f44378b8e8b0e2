"""The connection below an ASGI `send`: whether its client reads what it was sent, and closing
it by force. Servers have no API for this; their internals tell (Daphne, Uvicorn, HTTP/1.1 of
Hypercorn)."""

import contextlib
import fcntl
import functools
import os
import socket
import struct
import termios
from typing import Any

_TCP_INFO: Any = getattr(socket, "TCP_INFO", None)  # Linux
_INFO = struct.Struct("=B119xQ")
"""`tcpi_state` and `tcpi_bytes_acked` of the kernel's `struct tcp_info` (linux/tcp.h)."""
_CLOSED = 7
"""TCP_CLOSE: both sides are done with it, or one has reset it."""
RESET = struct.pack("ii", 1, 0)
"""SO_LINGER: close() throws away what was not sent, and says so by RST (socket(7))."""


class Outlet:
    """The connection of one response. Where it cannot be found all is taken and nothing done."""

    __slots__ = ("_socket", "_transport", "_upto")

    def __init__(self, send: object) -> None:
        self._transport = _transport(send)
        self._socket: socket.socket | None = None
        self._upto = 0

    def end(self) -> None:
        """The last byte was written. What it is, and a descriptor of our own, are kept until it is
        taken: the server may close its one long before, and then sees no more of what is unread."""
        if self._transport is None:
            return
        with contextlib.suppress(OSError, ValueError, AttributeError):
            self._socket = socket.socket(fileno=os.dup(_connection(self._transport).fileno()))
            self._upto = (
                _info(self._socket)[1]
                + _waiting(self._transport)
                + unacknowledged(self._socket.fileno())
            )

    def unread(self) -> bool:
        """Whether the client's side has yet to take something; after that, lets go of it."""
        if self._socket is None:
            return False
        state, taken = _info(self._socket)
        if state != _CLOSED and taken < self._upto:
            return True
        self._let_go()
        return False

    def reset(self) -> None:
        """Ends the connection at once, and throws away what the client did not take."""
        if self._transport is None:
            return
        with contextlib.suppress(OSError, AttributeError):  # the server has closed its descriptor
            given = self._socket or _connection(self._transport)
            given.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        abort = getattr(self._transport, "abortConnection", None)  # Twisted's
        (abort or self._transport.abort)()
        self._let_go()

    def _let_go(self) -> None:
        if self._socket is not None:
            self._socket.close()
        self._socket = self._transport = None


def _info(connection: socket.socket) -> tuple[int, int]:
    """Its state, and how many bytes the other side has taken."""
    try:
        info = connection.getsockopt(socket.IPPROTO_TCP, _TCP_INFO, _INFO.size)
        state, taken = _INFO.unpack(info)
    except (OSError, TypeError, struct.error):  # of another family, or another kernel
        return _CLOSED, 0
    return int(state), int(taken)


def _transport(send: object) -> Any:
    """What writes to the socket that `send` leads to; None where streams share it, or unknown."""
    if isinstance(send, functools.partial):  # Daphne: Server.handle_reply of a protocol
        protocol = send.args[0] if send.args else None
        found = getattr(getattr(protocol, "channel", protocol), "transport", None)
        return found if hasattr(found, "_tempDataBuffer") else None
    owner = getattr(send, "__self__", None)  # Uvicorn: what serves one response, or a WebSocket
    if hasattr(owner, "transport"):
        return getattr(owner, "transport", None)
    protocol = getattr(getattr(owner, "send", None), "__self__", None)  # Hypercorn: H11Protocol
    if not hasattr(protocol, "stream"):  # of HTTP/2 there are many on a connection
        return None
    server = getattr(getattr(protocol, "send", None), "__self__", None)
    return getattr(getattr(server, "writer", None), "transport", None)


def _connection(transport: Any) -> Any:
    """The server's socket, or what stands for it."""
    extra = getattr(transport, "get_extra_info", None)
    return extra("socket") if extra else transport.socket


def _waiting(transport: Any) -> int:
    """Bytes that the server keeps."""
    if hasattr(transport, "get_write_buffer_size"):
        return int(transport.get_write_buffer_size())
    waiting = sum(map(len, transport._tempDataBuffer))  # Twisted's
    return int(len(transport.dataBuffer) - transport.offset + waiting)


def unacknowledged(descriptor: int) -> int:
    """Bytes that the kernel keeps until the other side has taken them (tcp(7), SIOCOUTQ)."""
    (size,) = struct.unpack("i", fcntl.ioctl(descriptor, termios.TIOCOUTQ, b"\0" * 4))
    return int(size)

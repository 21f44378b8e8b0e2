"""Streams read by hand from raw sockets: many, slow, rude, or all of it."""

import selectors
import socket
import struct
import time
from collections.abc import Callable
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

from tests.support.patience import PATIENCE
from tests.support.stack import ProcfileProcess

RESET_ON_CLOSE = struct.pack("ii", 1, 0)


def open_stream(
    url: str,
    token: str = "",
    *,
    buffer: int = 0,
    cursor: str = "",
    method: str = "GET",
    header: str = "",
    then: bytes = b"",
) -> socket.socket:
    """A connection on which a stream has been asked for. `buffer`: bytes that the kernel keeps
    for who does not read. `header` says who asks, in place of a token. `then` follows the
    request in the same packet."""
    parts = urlsplit(url)
    connection = socket.socket()
    connection.settimeout(PATIENCE)
    if buffer:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
    connection.connect((parts.hostname, parts.port))
    path = parts.path + (f"?{parts.query}" if parts.query else "")
    who = header or f"Authorization: Bearer {token}"
    lines = [f"{method} {path} HTTP/1.1", f"Host: {parts.netloc}", who]
    lines += [f"Last-Event-ID: {cursor}"] if cursor else []
    connection.sendall(("\r\n".join(lines) + "\r\n\r\n").encode() + then)
    return connection


def read_until(connection: socket.socket, part: bytes) -> bytes:
    """All that comes until `part` has come. Raises AssertionError when the stream ends before."""
    got = b""
    while part not in got:
        piece = connection.recv(65536)
        assert piece, f"ended before {part!r}: {got[-300:]!r}"
        got += piece
    return got


class Crowd:
    """Many streams that one reader reads as they come."""

    def __init__(self, members: list[socket.socket]) -> None:
        self.got = dict.fromkeys(members, b"")
        self.silence = 0.0
        """The longest that one of them had nothing to say, in seconds."""
        self._heard = dict.fromkeys(members, time.monotonic())

    def all_have(self, part: bytes) -> bool:
        """Whether each of them has said this."""
        return all(part in got for got in self.got.values())

    def read_until(self, enough: Callable[[], bool], seconds: float = PATIENCE) -> None:
        """Raises AssertionError when one of them ends, or after `seconds`."""
        deadline = time.monotonic() + seconds
        with selectors.DefaultSelector() as selector:
            for each in self.got:
                selector.register(each, selectors.EVENT_READ, each)
            while not enough():
                assert time.monotonic() < deadline, f"waited {seconds} s in vain"
                for key, _ in selector.select(0.05):
                    piece = key.data.recv(65536)
                    assert piece, f"ended: {self.got[key.data][-300:]!r}"
                    self.got[key.data] += piece
                    self._heard[key.data] = time.monotonic()
                quiet = time.monotonic() - min(self._heard.values())
                self.silence = max(self.silence, quiet)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for each in self.got:
            each.close()


def reset(connection: socket.socket) -> None:
    """Ends it by RST, as a computer does that has forgotten about it."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
    connection.close()


def descriptors(process: ProcfileProcess) -> int:
    """Open files and sockets of a process."""
    return len(list(Path(f"/proc/{process.pid}/fd").iterdir()))


def of_status(process: ProcfileProcess, name: str) -> int:
    """A number of /proc/PID/status: Threads, or VmRSS in kB."""
    lines = Path(f"/proc/{process.pid}/status").read_text().splitlines()
    values = dict(line.split(":", 1) for line in lines)
    return int(values[name].split()[0])

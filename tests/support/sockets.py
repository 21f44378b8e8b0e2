"""Streams read by hand from raw sockets: many, slow, rude, or all of it."""

import socket
import struct
from pathlib import Path
from urllib.parse import urlsplit

from tests.support.stack import ProcfileProcess

RESET_ON_CLOSE = struct.pack("ii", 1, 0)


def open_stream(
    url: str, token: str, *, buffer: int = 0, cursor: str = "", method: str = "GET"
) -> socket.socket:
    """A connection on which a stream has been asked for. `buffer`: bytes that the kernel keeps
    for who does not read."""
    parts = urlsplit(url)
    connection = socket.socket()
    connection.settimeout(10)
    if buffer:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
    connection.connect((parts.hostname, parts.port))
    path = parts.path + (f"?{parts.query}" if parts.query else "")
    lines = [f"{method} {path} HTTP/1.1", f"Host: {parts.netloc}", f"Authorization: Bearer {token}"]
    lines += [f"Last-Event-ID: {cursor}"] if cursor else []
    connection.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
    return connection


def read_until(connection: socket.socket, part: bytes) -> bytes:
    """All that comes until `part` has come. Raises AssertionError when the stream ends before."""
    got = b""
    while part not in got:
        piece = connection.recv(65536)
        assert piece, f"ended before {part!r}: {got[-300:]!r}"
        got += piece
    return got


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

"""A server that does to its clients what it is told, connection by connection."""

import contextlib
import socket
import threading
from collections.abc import Iterable, Iterator
from typing import Self

Pieces = bytes | Iterable[bytes]
"""What one connection is sent, at once or piece by piece."""


def answer(
    body: bytes = b"", status: str = "200 OK", kind: str = "text/event-stream", more: str = ""
) -> bytes:
    """A whole answer that lasts until the connection ends."""
    return f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\n{more}\r\n".encode() + body


class Hostile:
    """Listens on `url`. The n-th connection gets the n-th of `script`, later ones the last, and
    is closed after it. `requests` are the heads of all requests, `left` is set when somebody left
    before everything was sent."""

    def __init__(self, *script: Pieces) -> None:
        self.requests: list[str] = []
        self.left = threading.Event()
        self.ended = threading.Event()
        self._script = script
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=20)
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}/"
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.ended.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join(10)

    def cursors(self) -> list[str | None]:
        """The Last-Event-ID of each request."""
        return [self._header(head, "last-event-id") for head in self.requests]

    def silent(self, *pieces: bytes) -> Iterator[bytes]:
        """These pieces, then nothing until the end of the test, with the connection open."""
        yield from pieces
        self.ended.wait(20)

    @staticmethod
    def _header(head: str, name: str) -> str | None:
        for line in head.split("\r\n"):
            if line.lower().startswith(f"{name}: "):
                return line.partition(": ")[2]
        return None

    def _accept(self) -> None:
        with contextlib.suppress(OSError):  # closed
            while True:
                client, _ = self._listener.accept()
                thread = threading.Thread(target=self._serve, args=(client,), daemon=True)
                self._threads.append(thread)
                thread.start()

    def _serve(self, client: socket.socket) -> None:
        with client:
            head = b""
            while b"\r\n\r\n" not in head:
                received = client.recv(65536)
                if not received:
                    return
                head += received
            self.requests.append(head.decode("latin-1"))
            pieces = self._script[min(len(self.requests), len(self._script)) - 1]
            try:
                for piece in [pieces] if isinstance(pieces, bytes) else pieces:
                    client.sendall(piece)
                    if self.ended.is_set():
                        break
                client.shutdown(socket.SHUT_WR)
            except OSError:
                self.left.set()

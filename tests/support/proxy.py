"""A TCP proxy that fails on command, between a client and one server of the test."""

import contextlib
import math
import random
import socket
import struct
import threading
import time
from collections.abc import Iterator
from typing import Literal

Mode = Literal[
    "pass", "502", "503", "204", "login", "pause", "reset", "buffer", "throttle", "lossy"
]
ANSWER_502 = (
    b"HTTP/1.1 502 Bad Gateway\r\nContent-Type: text/html\r\nContent-Length: 15\r\n"
    b"Connection: close\r\n\r\n<h1>Bad</h1>502"
)
ANSWERS = {
    "502": ANSWER_502,
    "503": b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
    "204": b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n",
    "login": b"HTTP/1.1 302 Found\r\nLocation: /sign-in/\r\nContent-Length: 0\r\n"
    b"Connection: close\r\n\r\n",
}
SIGN_IN_PAGE = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 7\r\n"
    b"Connection: close\r\n\r\nSign in"
)
LAST_CHUNK = b"0\r\n\r\n"
SLOW = 4096
"""Bytes in a second that a throttled connection lets through."""
HALF_WAY, SEGMENT, LOSS, AGAIN = 0.25, 1400, 0.05, 0.6
"""Seconds that bytes take over a lossy connection, in pieces of so many, of which this share is
lost, and the seconds until the kernel would send one again: what follows waits for it."""
RESET_ON_CLOSE = struct.pack("ii", 1, 0)


class Proxy:
    """Forwards bytes to 127.0.0.1:`target` until `mode` says otherwise.

    - ``pass``: forward.
    - ``502``: answer every new connection with a 502 page; `drop()` ends the open ones. Likewise
      ``503``, ``204``, and ``login``, a redirect to the sign-in form.
    - ``pause``: accept and keep connections, forward nothing in either direction.
    - ``reset``: reset every new connection.
    - ``buffer``: hold each event stream back until it ends, as some proxies do.
    - ``throttle``: forward slowly.
    - ``lossy``: forward as over a poor radio link.

    A mode rules new connections, and ``pause`` also the open ones. `streams` are the requests of
    event streams whose connections are open.
    """

    def __init__(self, target: int, *, unavailable: bytes = ANSWER_502) -> None:
        """`unavailable`: what a client is told when nobody listens at `target`."""
        self.target, self._unavailable = target, unavailable
        self.accepted = 0
        self._chance = random.Random(1)
        self._streams: dict[socket.socket, str] = {}
        self._mode: Mode = "pass"
        self._flowing = threading.Event()
        self._flowing.set()
        self._open: set[socket.socket] = set()
        self._forgotten: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port = int(self._listener.getsockname()[1])
        self.url = f"http://127.0.0.1:{self.port}"
        self._thread = threading.Thread(target=self._accept, name="proxy", daemon=True)
        self._thread.start()

    @property
    def mode(self) -> Mode:
        """What happens to connections now."""
        return self._mode

    @mode.setter
    def mode(self, mode: Mode) -> None:
        self._mode = mode
        if mode == "pause":
            self._flowing.clear()
        else:
            self._flowing.set()

    @property
    def streams(self) -> list[str]:
        """The addresses of the event streams that are open."""
        with self._lock:
            return list(self._streams.values())

    def drop(self, *, reset: bool = False) -> None:
        """End every open connection, by FIN or by RST."""
        with self._lock:
            sockets = list(self._open)
        for each in sockets:
            with contextlib.suppress(OSError):
                if reset:
                    each.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
                # Not close: that would leave the thread that reads it waiting, and the peer too.
                each.shutdown(socket.SHUT_RDWR)

    def forget(self) -> None:
        """Swallow for good what comes over the open connections, without a word, as a firewall
        does that has forgotten them; new ones work."""
        with self._lock:
            self._forgotten = set(self._open)

    def close(self) -> None:
        """Stop listening and end everything."""
        self._flowing.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(5)
        self.drop()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return  # closed
            self.accepted += 1
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with self._kept(client), contextlib.suppress(OSError):
            if answer := ANSWERS.get(self._mode):
                asked = client.recv(65536)
                client.sendall(SIGN_IN_PAGE if b" /sign-in/" in asked else answer)
            elif self._mode == "reset":
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
            else:
                self._flowing.wait()
                self._join(client)

    def _join(self, client: socket.socket) -> None:
        try:
            server = socket.create_connection(("127.0.0.1", self.target), timeout=5)
        except OSError:
            if self._unavailable:
                client.recv(65536)
                client.sendall(self._unavailable)
            return
        server.settimeout(None)
        with self._kept(server):
            back = threading.Thread(target=self._pump, args=(server, client), daemon=True)
            back.start()
            self._pump(client, server)
            back.join()

    def _pump(self, source: socket.socket, sink: socket.socket) -> None:
        held = b""
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                self._flowing.wait()
                if source in self._forgotten:
                    continue
                held += data
                self._note(source, data)
                if self._mode == "buffer" and _is_unfinished_stream(held):
                    continue
                if self._mode == "throttle":
                    time.sleep(len(held) / SLOW)
                elif self._mode == "lossy":
                    time.sleep(HALF_WAY + AGAIN * self._is_lost(len(held)))
                sink.sendall(held)
                held = b""
        for each in (source, sink):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    def _is_lost(self, size: int) -> bool:
        """Whether one of the segments of so many bytes is."""
        kept = (1 - LOSS) ** math.ceil(size / SEGMENT)
        return self._chance.random() > kept

    def _note(self, client: socket.socket, request: bytes) -> None:
        address = request[:8192].partition(b"\r\n")[0].decode("latin1").split(" ")
        if address[0] == "GET" and "/events/" in address[1]:
            with self._lock:
                self._streams[client] = address[1]

    @contextlib.contextmanager
    def _kept(self, each: socket.socket) -> Iterator[None]:
        with self._lock:
            self._open.add(each)
        try:
            yield
        finally:
            with self._lock:
                self._open.discard(each)
                self._forgotten.discard(each)
                self._streams.pop(each, None)
            each.close()


def _is_unfinished_stream(data: bytes) -> bool:
    return b"Content-Type: text/event-stream" in data and not data.endswith(LAST_CHUNK)

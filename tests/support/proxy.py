"""A TCP proxy that fails on command, between a client and one server of the test."""

import contextlib
import socket
import struct
import threading
from collections.abc import Iterator
from typing import Literal

Mode = Literal["pass", "502", "pause", "reset"]
ANSWER_502 = (
    b"HTTP/1.1 502 Bad Gateway\r\nContent-Type: text/html\r\nContent-Length: 15\r\n"
    b"Connection: close\r\n\r\n<h1>Bad</h1>502"
)
RESET_ON_CLOSE = struct.pack("ii", 1, 0)


class Proxy:
    """Forwards bytes to 127.0.0.1:`target` until `mode` says otherwise.

    - ``pass``: forward.
    - ``502``: answer every new connection with a 502 page; `drop()` ends the open ones.
    - ``pause``: accept and keep connections, forward nothing in either direction.
    - ``reset``: reset every new connection.

    A mode rules new connections, and ``pause`` also the open ones.
    """

    def __init__(self, target: int) -> None:
        self.target = target
        self.accepted = 0
        self._mode: Mode = "pass"
        self._flowing = threading.Event()
        self._flowing.set()
        self._open: set[socket.socket] = set()
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
            if self._mode == "502":
                client.recv(65536)
                client.sendall(ANSWER_502)
            elif self._mode == "reset":
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
            else:
                self._flowing.wait()
                self._join(client)

    def _join(self, client: socket.socket) -> None:
        try:
            server = socket.create_connection(("127.0.0.1", self.target), timeout=5)
        except OSError:
            client.recv(65536)
            client.sendall(ANSWER_502)  # as nginx does when nobody listens behind it
            return
        server.settimeout(None)
        with self._kept(server):
            back = threading.Thread(target=self._pump, args=(server, client), daemon=True)
            back.start()
            self._pump(client, server)
            back.join()

    def _pump(self, source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                self._flowing.wait()
                sink.sendall(data)
        for each in (source, sink):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    @contextlib.contextmanager
    def _kept(self, each: socket.socket) -> Iterator[None]:
        with self._lock:
            self._open.add(each)
        try:
            yield
        finally:
            with self._lock:
                self._open.discard(each)
            each.close()

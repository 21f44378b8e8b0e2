"""A receiver of webhooks, as anybody may run one: a real HTTP server on loopback."""

import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType


@dataclass(frozen=True)
class Received:
    """One request."""

    path: str
    headers: dict[str, str]
    body: bytes


class Receiver:
    """Answers with `status`; while `trickles`, with a byte now and then, and no end."""

    def __init__(self) -> None:
        self.got: list[Received] = []
        self.status, self.trickles = 204, False
        self.free = threading.Event()
        self.free.set()
        self.arrived = threading.Event()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                headers = {name.lower(): value for name, value in self.headers.items()}
                outer.got.append(Received(self.path, headers, body))
                outer.arrived.set()
                outer.free.wait(60)
                if outer.trickles:
                    outer.trickle(self)
                    return
                self.send_response(outer.status)
                self.send_header("Location", "/elsewhere")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Nothing."""

        class Server(ThreadingHTTPServer):
            daemon_threads = True

        self._server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/hook?x=1"

    @staticmethod
    def trickle(handler: BaseHTTPRequestHandler) -> None:
        """A header that never ends, until the other side has gone."""
        try:
            handler.wfile.write(b"HTTP/1.1 200 OK\r\nX: ")
            pause = threading.Event()
            while not pause.wait(0.05):
                handler.wfile.write(b"x")
        except OSError:
            return

    def __enter__(self) -> "Receiver":
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.free.set()
        self._server.shutdown()
        self._server.server_close()

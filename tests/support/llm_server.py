"""A server that speaks OpenAI's streaming dialect, answer by answer as a test has written it."""

import contextlib
import json
import select
import socket
import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

DONE = b"data: [DONE]\n\n"
CUT = "cut"
"""Ends the connection where it stands, without the end of the body."""

Piece = bytes | str | threading.Event
"""Bytes to send, an event to wait for, or CUT."""


def chunk(**choice: Any) -> bytes:
    """One chat.completion.chunk with one choice."""
    known = {"index": 0, "delta": {}, "finish_reason": None}
    body = {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": "parrot",
        "choices": [known | choice],
    }
    return b"data: " + json.dumps(body).encode() + b"\n\n"


def token(text: str) -> bytes:
    """A chunk with some text."""
    return chunk(delta={"content": text})


def end(reason: str = "stop") -> bytes:
    """The last chunk, which says why, and what ends the stream."""
    return chunk(finish_reason=reason) + DONE


def words(*texts: str) -> list[Piece]:
    """A whole answer, as servers give it: a role, the texts, the end."""
    return [chunk(delta={"role": "assistant", "content": ""}), *map(token, texts), end()]


@dataclass
class Answer:
    """What one request is told. `sent` is set when everything was, `left` when the client went
    away before."""

    pieces: Iterable[Piece] = ()
    status: str = "200 OK"
    kind: str = "text/event-stream; charset=utf-8"
    headers: dict[str, str] = field(default_factory=dict)
    sent: threading.Event = field(default_factory=threading.Event)
    left: threading.Event = field(default_factory=threading.Event)


def refusal(status: str, message: str = "no", **headers: str) -> Answer:
    """An error as such servers give it, at once and for good."""
    body = json.dumps({"error": {"message": message, "type": "refused", "code": "refused"}})
    no_more = {"x-should-retry": "false"} | headers
    return Answer([body.encode()], status, "application/json", no_more)


class LlmServer:
    """Listens on `url`. The n-th request since `expect` gets its n-th answer, later ones the last;
    `requests` are their bodies, `heads` what came before them."""

    def __init__(self) -> None:
        self.requests: list[dict[str, Any]] = []
        self.heads: list[str] = []
        self._answers: list[Answer] = []
        self._lock = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=50)
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}/v1"
        self._closing = threading.Event()
        threading.Thread(target=self._accept, name="llm", daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def expect(self, *answers: Answer | Sequence[Piece]) -> list[Answer]:
        """Forgets what was and sets what is to come."""
        self._answers = [each if isinstance(each, Answer) else Answer(each) for each in answers]
        self.requests, self.heads = [], []
        return self._answers

    def _accept(self) -> None:
        with contextlib.suppress(OSError):  # closed
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client, contextlib.suppress(OSError):
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            while (asked := self._receive(client)) is not None:
                if not self._give(client, asked):
                    return

    def _receive(self, client: socket.socket) -> Answer | None:
        """The answer to the next request on this connection; None when there is none."""
        received = b""
        while b"\r\n\r\n" not in received:
            if not (more := client.recv(65536)):
                return None
            received += more
        head, _, body = received.partition(b"\r\n\r\n")
        fields = dict(line.split(": ", 1) for line in head.decode("latin-1").split("\r\n")[1:])
        length = next(int(fields[name]) for name in fields if name.lower() == "content-length")
        while len(body) < length:
            body += client.recv(65536)
        with self._lock:
            self.heads.append(head.decode("latin-1"))
            self.requests.append(json.loads(body))
            return self._answers[min(len(self.requests), len(self._answers)) - 1]

    def _give(self, client: socket.socket, answer: Answer) -> bool:
        """Whether everything was sent and the connection can go on."""
        headers = {"Content-Type": answer.kind, "Transfer-Encoding": "chunked"} | answer.headers
        lines = [f"HTTP/1.1 {answer.status}", *(f"{name}: {headers[name]}" for name in headers)]
        try:
            client.sendall("\r\n".join([*lines, "", ""]).encode())
            for piece in answer.pieces:
                if isinstance(piece, threading.Event):
                    self._wait(client, piece)
                elif isinstance(piece, str):
                    return False
                else:
                    client.sendall(b"%x\r\n%b\r\n" % (len(piece), piece))
            client.sendall(b"0\r\n\r\n")
        except OSError:
            answer.left.set()
            raise
        answer.sent.set()
        return True

    def _wait(self, client: socket.socket, event: threading.Event) -> None:
        """Raises OSError as soon as the client has left."""
        while not event.wait(0.02):
            readable, _, _ = select.select([client], [], [], 0)
            if self._closing.is_set() or (readable and not client.recv(1, socket.MSG_PEEK)):
                raise ConnectionResetError

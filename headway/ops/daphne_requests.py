"""Requests under Daphne: in time, no larger than they may be, and with their bodies in files.
Loaded only where Daphne is; of itself it takes anything from anybody, and holds what is half."""

import asyncio
import logging
import time
from io import BytesIO
from resource import RLIMIT_NOFILE, getrlimit
from typing import Any
from urllib.parse import unquote_to_bytes

from daphne import http_protocol
from twisted.internet import reactor
from twisted.web import http

from headway.stream import descriptors
from headway.web import bodies

logger = logging.getLogger(__name__)
HEAD_TIMEOUT = 15.0
"""Seconds from the first line of a request to the end of its headers."""
BODY_TIMEOUT, BODY_RATE = 15.0, 4096
"""Seconds that a body may take, and one more for each so many bytes that have come."""
LINGER = 2.0
"""Seconds in which a client can read why it was refused, while it still sends."""
MAX_WAITING = 10_000
"""Connections without a whole request at most; fewer where descriptors are."""


class Waiting(dict["Channel", None]):
    """Connections that have not sent a whole request, the oldest first: where there are too many,
    it is the one to go."""

    def __init__(self) -> None:
        self.most = min(MAX_WAITING, getrlimit(RLIMIT_NOFILE)[0] // 2)
        self._told = -60.0

    def add(self, channel: "Channel", newest: int | None = None) -> None:
        """One that waits from now on. `newest`: its descriptor, if that was made just now."""
        self[channel] = None
        are_many = len(self) > descriptors.RESERVE
        if len(self) > self.most or (are_many and descriptors.are_few(newest)):
            self._drop(next(iter(self)))

    def discard(self, channel: "Channel") -> None:
        """It waits no more."""
        self.pop(channel, None)

    def _drop(self, channel: "Channel") -> None:
        self.discard(channel)
        channel.transport.abortConnection()
        if time.monotonic() - self._told > 60:
            self._told = time.monotonic()
            logger.warning(
                "%d connections have sent no whole request: the oldest are closed", len(self)
            )


waiting = Waiting()


class Channel(http.HTTPChannel):
    """A connection, whose head and idle time have one time-out that trickling does not put off."""

    is_closing = False
    """Whether each connection is to end with the answer to its next request."""

    def connectionMade(self) -> None:  # noqa: N802 - Twisted's name, as are those below
        super().connectionMade()
        waiting.add(self, self.transport.fileno())

    def checkPersistence(self, request: Any, version: bytes) -> bool:  # noqa: N802
        if Channel.is_closing:
            request.responseHeaders.setRawHeaders(b"Connection", [b"close"])
            return False
        return bool(super().checkPersistence(request, version))

    def resetTimeout(self) -> None:  # noqa: N802
        if not self.line_mode:  # the body
            super().resetTimeout()

    def allContentReceived(self) -> None:  # noqa: N802
        waiting.discard(self)
        super().allContentReceived()

    def requestDone(self, request: Any) -> None:  # noqa: N802
        if self.persistent:  # else it is closed once its answer has left
            waiting.add(self)
        super().requestDone(request)

    def connectionLost(self, reason: Any = None) -> None:  # noqa: N802
        waiting.discard(self)
        super().connectionLost(reason)


class Request(http_protocol.WebRequest):
    """Daphne's own, refused before its body has come where that is too large or too late."""

    def __init__(self, *args: Any, **options: Any) -> None:
        self.body_file: Any = None
        self._begun, self._most = time.monotonic(), bodies.usual()
        self._size = self._taken = 0
        self._expects: list[bytes] = []
        self._deciding: asyncio.Task[None] | None = None
        self._is_whole = self._is_refused = False
        # Django parses forms. Twisted would in the event loop, with twelve times their memory.
        super().__init__(*args, parsePOSTFormSubmission=False, **options)

    def gotLength(self, length: int | None) -> None:  # noqa: N802
        super().gotLength(length)
        self._check(length or 0)

    def handleContentChunk(self, data: bytes) -> None:  # noqa: N802
        if not self._is_refused:
            super().handleContentChunk(data)
            self._taken += len(data)
            self._check(self._taken)

    def requestReceived(self, *line: bytes) -> None:  # noqa: N802
        if not self._is_refused:
            self._is_whole = True
            super().requestReceived(*line)

    def process(self) -> Any:
        """Daphne would read all of a body into memory, in one go."""
        reads = getattr(self.server.application, "reads_body_files", False)
        if reads and not isinstance(self.content, BytesIO):
            self.body_file, self.content = self.content, BytesIO()
        return super().process()

    def check_timeouts(self) -> None:
        """Called every two seconds."""
        super().check_timeouts()
        age = time.monotonic() - self._begun
        most = BODY_TIMEOUT + self._taken / BODY_RATE if self.content else HEAD_TIMEOUT
        if not (self._is_whole or self._deciding) and age > most:
            self._refuse(408, "This took too long to arrive.")

    def _check(self, size: int) -> None:
        self._size = max(self._size, size)
        undecided = not self._deciding and not self._is_refused
        # Of HTTP/2 one connection has many requests; there headway.web.bodies refuses what has come
        if self._size > self._most and undecided and isinstance(self.channel, Channel):
            self.channel._networkProducer.pauseProducing()
            # Twisted would say "100 Continue" now
            self._expects = self.requestHeaders.getRawHeaders(b"Expect", [])
            self.requestHeaders.removeHeader(b"Expect")
            self._deciding = asyncio.ensure_future(self._decide())

    async def _decide(self) -> None:
        try:
            most = await bodies.most(self._scope())
        except Exception:
            logger.exception("Whether a large body may be sent cannot be told")
            self._refuse(503, bodies.NOT_NOW)
            return
        finally:
            self._deciding = None
        if self._size > most:
            self._refuse(413, bodies.TOO_LARGE)
        elif self.channel is not None and not self._is_whole:
            self._most = most
            waiting.discard(self.channel)
            if b"100-continue" in map(bytes.lower, self._expects):
                self.channel._send100Continue()
            self.channel._networkProducer.resumeProducing()

    def _scope(self) -> dict[str, Any]:
        path, _, query = self.channel._path.partition(b"?")
        headers = self.requestHeaders.getAllRawHeaders()
        return {
            "type": "http",
            "method": self.channel._command.decode("latin1"),
            "path": unquote_to_bytes(path).decode("utf-8", "replace"),
            "root_path": self.server.root_path,
            "query_string": query,
            "headers": [(name.lower(), value) for name, values in headers for value in values],
        }

    def _refuse(self, status: int, sentence: str) -> None:
        channel = self.channel
        if not isinstance(channel, Channel) or self._is_whole or self._is_refused:
            return
        self._is_refused = True
        body = sentence.encode()
        reason = http.RESPONSES.get(status, b"Refused")
        head = b"HTTP/1.1 %d %s\r\nContent-Type: text/plain; charset=utf-8\r\n" % (status, reason)
        head += b"Content-Length: %d\r\nConnection: close\r\n\r\n" % len(body)
        channel.transport.write(head + body)
        _leave(channel)


def _leave(channel: Any) -> None:
    """Says no more, and closes when the client has read that, or has had the time to. Closed at
    once, a client that still sends would see a reset in the place of the answer."""
    channel.setTimeout(None)
    channel.dataReceived = lambda _: None
    channel._networkProducer.unregisterProducer()
    channel._networkProducer.resumeProducing()
    if channel.isSecure():
        channel.loseConnection()
    else:
        channel.transport.loseWriteConnection()
    reactor.callLater(LINGER, channel.transport.abortConnection)


def _channel(_: http.HTTPFactory) -> Any:
    return http._GenericHTTPChannelProtocol(Channel())


def install() -> None:
    """Has Daphne make its requests of this kind, before it makes its first."""
    http_protocol.WebRequest = Request
    http_protocol.HTTPFactory.protocol = _channel

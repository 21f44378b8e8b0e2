"""Real Daphne and real Uvicorn in the event loop of a test, and their clients as raw sockets."""

import asyncio
import contextlib
import importlib.util
import socket
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

from headway.stream import Hub, Subscription
from headway.stream.http import EventStreamResponse, _Exchange
from tests.support.patience import PATIENCE

REQUEST = b"GET /events/?secret=1 HTTP/1.1\r\nHost: localhost\r\n\r\n"
HEAD_END = b"\r\n\r\n"
Application = Callable[..., Any]


class Site:
    """An application of nothing but streams: each request gets one, of `job`. `wraps` makes the
    `send` that is passed on of the server's."""

    def __init__(self, hub: Hub, job: str, wraps: Callable[[Any], Any] = lambda send: send) -> None:
        self.hub, self.job, self.wraps = hub, job, wraps
        self.readers: list[Subscription] = []
        self.headers: dict[str, str] = {}
        self.ends = False
        self.grant: Any = None
        self.over = 0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        assert scope["type"] == "http"
        while (await receive()).get("more_body"):
            pass
        reader = Subscription([self.job], cursor=0, ends=self.ends, grant=self.grant)
        self.readers.append(reader)
        exchange = _Exchange(self.wraps(send))
        exchange.stream = EventStreamResponse(lambda: self.hub, reader)
        for name, value in self.headers.items():
            exchange.stream[name] = value
        try:
            await exchange.serve(receive)
        finally:
            self.over += 1


@contextlib.asynccontextmanager
async def uvicorn(
    application: Application, *, unix: str = "", **options: Any
) -> AsyncIterator[Any]:
    """Uvicorn on a port of its own, or on a UNIX socket; `address` is where."""
    from uvicorn import Config, Server

    family = socket.AF_UNIX if unix else socket.AF_INET
    listener = socket.create_server(("127.0.0.1", 0)) if not unix else socket.socket(family)
    if unix:
        listener.bind(unix)
    defaults = {"http": "h11", "loop": "asyncio", "ws": "none", "log_level": "error"}
    config = Config(application, lifespan="off", **(defaults | options))
    server: Any = Server(config)
    server.address = listener.getsockname()
    serving = asyncio.ensure_future(server._serve([listener]))
    await until(lambda: server.started)
    try:
        yield server
    finally:
        server.should_exit = server.force_exit = True
        await serving


@contextlib.asynccontextmanager
async def daphne(
    application: Application, *, unix: str = "", certificate: str = "", **options: Any
) -> AsyncIterator[Any]:
    """Daphne, over a reactor of Twisted's that works on the running event loop."""
    from daphne.http_protocol import HTTPFactory
    from daphne.server import Server
    from twisted.internet.asyncioreactor import AsyncioSelectorReactor

    reactor: Any = AsyncioSelectorReactor(asyncio.get_running_loop())
    server: Any = Server(application, endpoints=["none"], **options)
    server.connections = {}
    server.http_factory = factory = HTTPFactory(server)
    factory._reactor = reactor
    if unix:
        port, server.address = reactor.listenUNIX(unix, factory), unix
    else:
        port = reactor.listenTCP(0, _factory(factory, certificate, reactor), interface="127.0.0.1")
        server.address = ("127.0.0.1", port.getHost().port)
    try:
        yield server
    finally:
        await server_ended(reactor, port, server)


async def server_ended(reactor: Any, port: Any, server: Any) -> None:
    """Closes everything that Twisted has open."""
    tasks = [each["application_instance"] for each in server.connections.values()]
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await port.stopListening().asFuture(asyncio.get_running_loop())
    for waker in reactor._internalReaders:
        reactor.removeReader(waker)
        waker.connectionLost(_done())
    for transport in reactor.removeAll():
        transport.connectionLost(_done())
    for call in reactor.getDelayedCalls():
        call.cancel()


def _factory(factory: Any, certificate: str, reactor: Any) -> Any:
    """What speaks TLS before the factory does, where there is a certificate."""
    if not certificate:
        return factory
    from twisted.internet.ssl import DefaultOpenSSLContextFactory
    from twisted.protocols.tls import TLSMemoryBIOFactory

    context: Any = DefaultOpenSSLContextFactory(certificate, certificate)  # type: ignore[no-untyped-call]  # Twisted's
    return TLSMemoryBIOFactory(context, False, factory, clock=reactor)


def _done() -> Any:
    from twisted.internet.error import ConnectionDone
    from twisted.python.failure import Failure

    return Failure(ConnectionDone())  # type: ignore[no-untyped-call]  # Twisted's


async def until(condition: Callable[[], object]) -> None:
    """Polls: what is awaited happens in the kernel or in a server, which tell nobody."""
    async with asyncio.timeout(PATIENCE):
        while not condition():  # noqa: ASYNC110 - see above
            await asyncio.sleep(0.005)


class Client:
    """A raw connection: what it has `got`, and whether the server has `ended` it."""

    def __init__(self, address: Any, *, buffer: int = 0, family: int = socket.AF_INET) -> None:
        self.socket = socket.socket(family)
        if buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        self.socket.setblocking(False)
        self._address = address
        self.got = b""
        self.ended = False

    async def ask(self, request: bytes = REQUEST) -> "Client":
        """Connects and sends a request."""
        loop = asyncio.get_running_loop()
        await loop.sock_connect(self.socket, self._address)
        await loop.sock_sendall(self.socket, request)
        return self

    async def read_until(self, part: bytes) -> bytes:
        """All that has come, once `part` has."""
        async with asyncio.timeout(PATIENCE):
            while part not in self.got:
                await self._read()
                assert part in self.got or not self.ended, f"ended before {part!r}: {self.got!r}"
        return self.got

    async def read_all(self) -> bytes:
        """All that comes until the server ends the connection."""
        async with asyncio.timeout(PATIENCE):
            while not self.ended:
                await self._read()
        return self.got

    async def _read(self) -> None:
        piece = await asyncio.get_running_loop().sock_recv(self.socket, 1 << 20)
        self.got += piece
        self.ended = not piece

    def close(self) -> None:
        self.socket.close()


def body(answer: bytes) -> bytes:
    """What the chunks of an answer hold, by RFC 9112, section 7.1. Raises AssertionError when
    they are torn or the last one is missing."""
    head, _, rest = answer.partition(HEAD_END)
    assert head.startswith(b"HTTP/1.1 200"), head
    assert b"transfer-encoding: chunked" in head.lower(), head
    found = b""
    while True:
        line, mark, rest = rest.partition(b"\r\n")
        assert mark, f"torn before the last chunk: {line!r}"
        size = int(line, 16)
        piece, end, rest = rest[:size], rest[size : size + 2], rest[size + 2 :]
        assert len(piece) == size, "a torn chunk"
        assert end == b"\r\n", f"a chunk that is not ended: {end!r}"
        if not size:
            assert not rest, f"something after the end: {rest!r}"
            return found
        found += piece


def descriptors() -> int:
    """Open descriptors of this process."""
    return len([*Path("/proc/self/fd").iterdir()]) - 1


def parsers() -> list[str]:
    """Those of Uvicorn's parsers of HTTP that are installed."""
    return ["h11", *(name for name in ("httptools",) if importlib.util.find_spec(name))]

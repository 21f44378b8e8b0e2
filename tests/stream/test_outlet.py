"""What is known of a connection below a `send`: by real sockets, held as each server holds them."""

import asyncio
import functools
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import pytest

from headway.stream.outlet import Outlet
from tests.stream.streams import until

LARGE = b"x" * 8_000_000
"""More than what the kernel keeps."""


@dataclass
class Response:
    """One on Uvicorn: what `send` is bound to has the transport."""

    transport: Any

    async def send(self, message: object) -> None:
        """Sends nothing: the test writes."""


@pytest.fixture
async def ends() -> AsyncIterator[tuple[asyncio.Transport, socket.socket]]:
    """The server's end of a connection, and the client's."""
    loop = asyncio.get_running_loop()
    made: asyncio.Future[asyncio.Transport] = loop.create_future()

    class Server(asyncio.Protocol):
        def connection_made(self, transport: Any) -> None:
            made.set_result(transport)

    server = await loop.create_server(Server, "127.0.0.1", 0)
    client = socket.create_connection(server.sockets[0].getsockname())
    client.setblocking(False)
    async with server:
        transport = await made
        yield transport, client
        transport.abort()
        client.close()


async def test_what_is_read_is_known_and_let_go(ends: tuple[Any, socket.socket]) -> None:
    transport, client = ends
    outlet = Outlet(Response(transport).send)
    assert not outlet.unread()
    transport.write(LARGE)
    outlet.end()
    transport.write(b"of another response")
    assert outlet.unread()
    left = len(LARGE)
    while left > 0:
        left -= len(await asyncio.get_running_loop().sock_recv(client, 2**20))
    await until(lambda: not outlet.unread())
    outlet.reset()
    assert not transport.is_closing()


@pytest.mark.parametrize("ended", [True, False])
async def test_a_reset_throws_away_what_is_not_read(
    ends: tuple[Any, socket.socket], ended: bool
) -> None:
    transport, client = ends
    outlet = Outlet(Response(transport).send)
    transport.write(LARGE)
    if ended:
        outlet.end()
    outlet.reset()
    with pytest.raises(ConnectionResetError):
        await drained(client)


async def test_a_connection_that_the_server_has_closed_is_still_known(
    ends: tuple[Any, socket.socket],
) -> None:
    transport, client = ends
    outlet = Outlet(Response(transport).send)
    transport.write(b"x" * 50_000)
    outlet.end()
    client.close()  # by RST, since it has not read
    await until(lambda: not outlet.unread())


def test_a_socket_of_another_family_has_nothing_to_tell() -> None:
    one, other = socket.socketpair()
    with one, other:
        twisted = SimpleNamespace(socket=one, _tempDataBuffer=[b"x"], dataBuffer=b"xy", offset=1)
        request = SimpleNamespace(channel=SimpleNamespace(transport=twisted))
        outlet = Outlet(functools.partial(print, request))
        outlet.end()
        assert not outlet.unread()


async def test_hypercorns_connection_is_found_over_http_1_only(
    ends: tuple[Any, socket.socket],
) -> None:
    transport, _ = ends
    server = SimpleNamespace(writer=SimpleNamespace(transport=transport), send=None)
    found = []
    for fields in ({"stream": None}, {}):
        protocol = _Bound(send=_Bound(**vars(server)).call, **fields)
        found.append(Outlet(_Bound(send=protocol.call).call)._transport)
    assert found == [transport, None]


async def drained(client: socket.socket) -> None:
    while await asyncio.get_running_loop().sock_recv(client, 2**20):
        pass


class _Bound:
    """Something with a method that `send` is."""

    def __init__(self, **fields: Any) -> None:
        vars(self).update(fields)

    def call(self) -> None:
        """Nothing."""


@pytest.mark.parametrize("send", [print, functools.partial(print), functools.partial(print, "x")])
def test_of_an_unknown_server_nothing_is_known(send: object) -> None:
    outlet = Outlet(send)
    outlet.end()
    outlet.reset()
    assert not outlet.unread()

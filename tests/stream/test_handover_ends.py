"""Connections that were taken over end, are reset or cannot be had, and nothing is left of them."""

import asyncio
import resource
import socket
import struct
from typing import Any

import pytest

from headway.stream import Log
from headway.stream.servers import uvicorn as of_uvicorn
from tests.stream.handing import Start, stays
from tests.stream.serving import Client, Site, body, descriptors, until, uvicorn
from tests.stream.streams import say

RESET = struct.pack("ii", 1, 0)


async def test_requests_count_for_uvicorn_s_limit_as_ever(site: Site) -> None:
    async with uvicorn(site) as server:
        client = await Client(server.address).ask()
        await client.read_until(b"queued")
        await until(lambda: site.over)
        assert server.server_state.total_requests == 1
        assert not server.server_state.connections
        client.close()


async def test_a_client_that_takes_not_even_the_head_is_left_to_the_server(
    start: Start, site: Site
) -> None:
    """Its socket is full: nothing may be written before what the server has still to send."""
    site.headers["X-Long"] = "x" * 20_000_000
    async with start(site) as server:
        client = await Client(server.address).ask()
        await until(lambda: site.hub.readers)
        assert not len(site.hub.sockets)
        answer = await client.read_until(b"queued")
        assert answer.startswith(b"HTTP/1.1 200")
        assert len(answer) > 20_000_000
        client.close()
        await until(lambda: site.over)


async def test_pipelined_requests_and_garbage_are_dropped(
    start: Start, site: Site, log: Log, job: str
) -> None:
    async with start(site) as server:
        once = b"GET /events/ HTTP/1.1\r\nHost: localhost\r\n\r\n"
        garbage = (b"\x00\xff garbage\r\n\r\n" * 100, b"POST / HTTP/1.1\r\n" * 3000, once)
        clients = [await Client(server.address).ask(once * 5) for _ in garbage]
        for client, more in zip(clients, garbage, strict=True):
            await client.read_until(b"queued")
            await asyncio.get_running_loop().sock_sendall(client.socket, more)
        say(log, job, "for all")
        for client in clients:
            await client.read_until(b"for all")
        assert site.over <= 3
        await site.hub.close()
        for client in clients:
            assert body(await client.read_all()).count(b"for all") == 1
            client.close()
        await until(lambda: site.over == len(site.readers))


@pytest.mark.parametrize("turns", range(6))
async def test_a_server_that_stops_in_the_middle_leaves_nothing_open(
    start: Start, site: Site, turns: int
) -> None:
    async with start(site):
        pass  # importing Daphne opens what stays open: the event loop of Twisted's reactor
    before = descriptors()
    async with start(site) as server:
        client = await Client(server.address).ask()
        await until(lambda: site.readers)
        for _ in range(turns):
            await asyncio.sleep(0)
        for task in asyncio.all_tasks():
            if "run_asgi" in repr(task) or "Site.__call__" in repr(task):
                task.cancel()
        await until(lambda: site.over)
        client.close()
        await until(lambda: not site.hub.readers)
    await site.hub.close()
    await until(lambda: descriptors() <= before)


async def test_clients_that_reset_at_any_moment_leave_nothing(start: Start, site: Site) -> None:
    async with start(site) as server:
        first = await Client(server.address).ask()
        await first.read_until(b"queued")
        before = descriptors()
        for number in range(150):
            client = await Client(server.address).ask()
            for _ in range(number % 12):
                await asyncio.sleep(0)
            if number % 2:
                client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            client.close()
        await until(lambda: len(site.hub.readers) == 1 and descriptors() <= before)
        assert len(site.hub.sockets) == 1
        first.close()


async def test_a_connection_that_cannot_be_taken_is_served_as_ever(
    start: Start, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none_left(descriptor: int) -> Any:
        raise OSError(24, "Too many open files")

    monkeypatch.setattr(site.hub.sockets, "adopt", none_left)
    async with start(site) as server:
        await stays(server, site)


async def test_a_server_that_does_not_let_go_is_an_error_and_leaves_nothing_open(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: Any) -> None:
        raise RuntimeError("no")

    monkeypatch.setattr(of_uvicorn.Connection, "let_go", refuse)
    async with uvicorn(site) as server:
        client = await Client(server.address).ask()
        await client.read_all()
        assert not len(site.hub.sockets)
        client.close()


async def test_before_the_last_descriptors_are_used_streams_are_told_to_come_later(
    start: Start, site: Site
) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    async with start(site) as server:
        first = await Client(server.address).ask()
        await first.read_until(b"queued")
        limit = descriptors() + 40
        resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))
        try:
            clients: list[Client] = []
            while not any(b"event: busy" in client.got for client in clients):
                clients.append(await Client(server.address).ask())
                await clients[-1].read_until(b"\n\n")
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        assert len(clients) > 3
        assert body(await clients[-1].read_all()).startswith(b"retry: ")
        for client in [*clients, first]:
            client.close()

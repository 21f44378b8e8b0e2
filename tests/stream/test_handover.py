"""A stream's connection is taken over from a real server, which then knows nothing of it; where
that cannot be, the stream is sent as ever."""

import asyncio
import contextlib
import functools
import re
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import trustme

from headway.stream import Log, servers
from headway.stream import direct as direct_module
from headway.stream.servers import daphne as of_daphne
from headway.stream.servers import uvicorn as of_uvicorn
from headway.stream.servers.held import lacking
from tests.stream.conftest import state
from tests.stream.handing import SLOWER, Start, stays
from tests.stream.serving import Client, Site, body, daphne, until, uvicorn
from tests.stream.streams import MakeHub, say


async def test_the_hub_owns_the_connection_and_the_server_forgets_it(
    start: Start, site: Site, log: Log, job: str, said: Callable[[], str]
) -> None:
    async with start(site) as server:
        clients = [await Client(server.address).ask() for _ in range(3)]
        for client in clients:
            await client.read_until(b"queued")
        assert len(site.hub.sockets) == 3, (
            f"this version of the server lacks what a hand-over needs: {servers.missing()}"
        )
        await until(lambda: site.over == 3)
        say(log, job, "first")
        for client in clients:
            await client.read_until(b"first")
        await site.hub.close()
        for client in clients:
            answer = await client.read_all()
            assert body(answer).startswith(b"retry: ")
            assert answer.lower().count(b"connection: close") == 1
            client.close()
        assert not site.hub.readers
    assert said().count("straight to their sockets") == 1


async def test_a_stream_ends_with_its_last_chunk(start: Start, site: Site, log: Log) -> None:
    log.append(site.job, state(site.job, "failed", final=True), attempt=1)
    async with start(site) as server:
        client = Client(server.address)
        site.ends = True
        await client.ask(b"GET /events/ HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        answer = await client.read_all()
        assert body(answer).endswith(b"event: done\ndata: [DONE]\n\n")
        assert answer.lower().count(b"connection: close") == 1
        await until(lambda: not len(site.hub.sockets))
        client.close()


async def test_a_wrapped_send_is_used(start: Start, site: Site, said: Callable[[], str]) -> None:
    def wrapped(send: Any) -> Any:
        async def counted(message: Any) -> None:
            await send(message)

        return counted

    site.wraps = wrapped
    async with start(site) as server:
        assert b"connection: close" not in (await stays(server, site)).lower()
        assert said() == (
            f"{SLOWER}its server is not known, or something has wrapped the server's `send`."
        )


async def test_http_1_0_is_sent_by_the_server(
    start: Start, site: Site, said: Callable[[], str]
) -> None:
    async with start(site) as server:
        await stays(server, site, b"GET /events/ HTTP/1.0\r\n\r\n")
        assert said().startswith(f"{SLOWER}it speaks HTTP/1.0")


async def test_the_answer_to_head_is_sent_by_the_server(start: Start, site: Site) -> None:
    async with start(site) as server:
        request = b"HEAD /events/ HTTP/1.1\r\nHost: localhost\r\n\r\n"
        await stays(server, site, request, b"\r\n\r\n")


async def test_a_response_of_known_length_is_sent_by_the_server(start: Start, site: Site) -> None:
    site.headers["Content-Length"] = "10000"
    async with start(site) as server:
        await stays(server, site)


async def test_what_is_switched_off_is_not_done(
    start: Start, make_hub: MakeHub, site: Site, said: Callable[[], str]
) -> None:
    site.hub = make_hub(hand_over=False)
    async with start(site) as server:
        await stays(server, site)
        assert said() == f"{SLOWER}it is switched off."


async def test_a_system_without_epoll_does_without(
    start: Start, site: Site, monkeypatch: pytest.MonkeyPatch, said: Callable[[], str]
) -> None:
    monkeypatch.setattr(direct_module, "is_possible", lambda: False)
    async with start(site) as server:
        await stays(server, site)
        assert said() == f"{SLOWER}this system has no epoll."


async def test_a_version_that_lacks_something_keeps_its_streams(
    start: Start, site: Site, monkeypatch: pytest.MonkeyPatch, said: Callable[[], str]
) -> None:
    monkeypatch.setattr(of_daphne, "REQUEST", (*of_daphne.REQUEST, "telepathy"))
    monkeypatch.setattr(of_uvicorn, "CYCLE", (*of_uvicorn.CYCLE, "telepathy"))
    async with start(site) as server:
        await stays(server, site)
        assert re.search("this version of .* lacks telepathy", said())


def test_the_installed_servers_lack_nothing() -> None:
    """Their newer versions too, it is hoped; where not, this says what has to be looked at."""
    for name, found in servers.missing().items():
        assert not found, (
            f"The installed {name} keeps what a hand-over needs elsewhere: {found}. Streams work,"
            f" a slower way. Look at headway/stream/servers/{name.lower()}.py."
        )


def test_what_a_class_lacks_is_told() -> None:
    class Before:
        shown = 1

        def __init__(self) -> None:
            self.kept = 1

    class After(Before):
        pass

    assert lacking(After, ("shown", "kept", "gone")) == ("gone",)


def test_other_awaitables_are_nobody_s() -> None:
    for send in (
        print,
        functools.partial(print),
        functools.partial(test_other_awaitables_are_nobody_s),
    ):
        assert isinstance(servers.held(send), servers.Kept)
    assert isinstance(servers.held(Site.__call__), servers.Kept)


async def test_daphne_ends_responses_that_it_is_to_end(site: Site, said: Callable[[], str]) -> None:
    async with daphne(site, http_timeout=60) as server:
        await stays(server, site)
        assert said() == f"{SLOWER}Daphne is to end responses itself (--http-timeout)."


def secure(directory: Path) -> tuple[str, ssl.SSLContext]:
    """The file of a certificate with its key, and what trusts it."""
    authority, trust = trustme.CA(), ssl.create_default_context()
    file = directory / "certificate.pem"
    authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(str(file))
    authority.configure_trust(trust)
    return str(file), trust


async def read_securely(address: Any, trust: ssl.SSLContext) -> None:
    reader, writer = await asyncio.open_connection(*address, ssl=trust)
    writer.write(b"GET /events/ HTTP/1.1\r\nHost: localhost\r\n\r\n")
    async with asyncio.timeout(30):
        assert b"200" in await reader.readuntil(b"queued")
    writer.close()
    with contextlib.suppress(OSError, ssl.SSLError):
        await writer.wait_closed()


@pytest.mark.parametrize("name", ["daphne", "uvicorn"])
async def test_what_is_encrypted_in_the_process_is_sent_by_the_server(
    name: str, site: Site, tmp_path: Path, said: Callable[[], str]
) -> None:
    file, trust = await asyncio.to_thread(secure, tmp_path)
    serving = (
        daphne(site, certificate=file)
        if name == "daphne"
        else uvicorn(site, ssl_certfile=file, ssl_keyfile=file)
    )
    async with serving as server:
        await read_securely(server.address, trust)
        await until(lambda: site.over)
        assert said().startswith(f"{SLOWER}it is encrypted by the server itself")

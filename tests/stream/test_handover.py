"""A stream's connection is taken over from a real server, which then knows nothing of it; where
that cannot be, the stream is sent as ever."""

import asyncio
import contextlib
import functools
import logging
import re
import resource
import socket
import ssl
import struct
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import trustme

from headway.stream import Hub, Log, handover, servers
from headway.stream import direct as direct_module
from headway.stream.servers import daphne as of_daphne
from headway.stream.servers import uvicorn as of_uvicorn
from headway.stream.servers.held import lacking
from tests.stream.conftest import state
from tests.stream.serving import Client, Site, body, daphne, descriptors, parsers, until, uvicorn
from tests.stream.streams import MakeHub, say

Start = Callable[..., AbstractAsyncContextManager[Any]]
UVICORNS = [
    pytest.param(functools.partial(uvicorn, http=name), id=f"uvicorn-{name}") for name in parsers()
]
SERVERS = [pytest.param(daphne, id="daphne"), *UVICORNS]
RESET = struct.pack("ii", 1, 0)
SLOWER = "A stream is written by its server, a slower way, because "


@pytest.fixture(params=SERVERS)
def start(request: pytest.FixtureRequest) -> Start:
    found: Start = request.param
    return found


@pytest.fixture
def site(hub: Hub, log: Log, job: str) -> Site:
    log.append(job, state(job, "queued", 0), attempt=0, created=True)
    return Site(hub, job)


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> Callable[[], str]:
    """What the log says about the way that streams take."""
    monkeypatch.setattr(handover, "_said", set())
    caplog.set_level(logging.INFO)
    return lambda: "\n".join(
        record.getMessage() for record in caplog.records if record.name == handover.__name__
    )


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


async def stays(server: Any, site: Site, request: bytes = b"", part: bytes = b"queued") -> bytes:
    """A stream that its server sends until its client leaves; what came."""
    client = Client(server.address)
    await (client.ask(request) if request else client.ask())
    answer = await client.read_until(part)
    assert not len(site.hub.sockets)
    client.close()
    await until(lambda: site.over)
    assert not site.hub.readers
    return answer


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


async def test_the_access_log_of_daphne_gets_its_line_at_the_end(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    actions: list[tuple[str, str, dict[str, Any]]] = []
    async with daphne(site, action_logger=lambda *told: actions.append(told)) as server:
        client = await Client(server.address).ask()
        answer = await client.read_until(b"queued")
        assert not actions
        client.close()
        await until(lambda: actions)
    [(protocol, action, details)] = actions
    assert (protocol, action, details["path"]) == ("http", "complete", "/events/?secret=1")
    assert details["size"] == len(answer.partition(b"\r\n\r\n")[2])
    [line] = [each.getMessage() for each in caplog.records if each.name.endswith(".access")]
    pattern = r'127\.0\.0\.1:\d+ "GET /events/" 200, (\d+) bytes, \d+\.\d s'
    found = re.fullmatch(pattern, line)
    assert found is not None
    assert int(found[1]) == details["size"]


async def test_the_access_log_of_uvicorn_gets_a_second_line_at_the_end(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    async with uvicorn(site, log_level="info") as server:
        caplog.set_level(logging.INFO)
        logging.getLogger("uvicorn.access").addHandler(caplog.handler)
        client = await Client(server.address).ask()
        await client.read_until(b"queued")
        client.close()
        await until(lambda: " bytes, " in caplog.text)
        logging.getLogger("uvicorn.access").removeHandler(caplog.handler)
    assert '"GET /events/?secret=1 HTTP/1.1" 200' in caplog.text
    assert re.search(r'127\.0\.0\.1:\d+ "GET /events/" 200, \d+ bytes, \d+\.\d s', caplog.text)


async def test_a_secret_address_is_in_no_line_of_the_access_log(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    site.grant = Named("/***/")
    told: list[Any] = []
    for serving in (daphne(site, action_logger=lambda *line: told.append(line)), uvicorn(site)):
        caplog.clear()
        async with serving as server:
            client = await Client(server.address).ask()
            await client.read_until(b"queued")
            client.close()
            await until(lambda: " bytes, " in caplog.text)
        assert '"GET /***/" 200' in caplog.text
    assert told[0][2]["path"] == "/***/"


class Named(NamedTuple):
    """A grant whose streams are called otherwise in the log."""

    path: str


async def test_a_server_that_writes_no_access_log_gets_no_line(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    for serving in (daphne(site), uvicorn(site, access_log=False)):
        async with serving as server:
            client = await Client(server.address).ask()
            await client.read_until(b"queued")
            client.close()
            await until(lambda: not site.hub.readers)
            await asyncio.sleep(0)
    assert " bytes, " not in caplog.text


@pytest.mark.parametrize("name", ["daphne", "uvicorn"])
async def test_a_server_behind_a_unix_socket_writes_of_nobody(
    name: str, site: Site, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    caplog.set_level(logging.INFO)
    path = str(tmp_path / "socket")
    serving = (
        daphne(site, action_logger=print, unix=path)
        if name == "daphne"
        else uvicorn(site, log_level="info", unix=path)
    )
    async with serving as server:
        client = await Client(server.address, family=socket.AF_UNIX).ask()
        await client.read_until(b"queued")
        assert len(site.hub.sockets) == 1
        client.close()
        await until(lambda: '- "GET /events/" 200' in caplog.text)


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

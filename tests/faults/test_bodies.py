"""What anybody sends straight to a web server, without a proxy, and what nobody reads."""

import re
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from django.contrib.auth.models import User
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage

from headway.models import Job, Status, result_path
from headway.web import tokens
from tests.support.patience import PATIENCE
from tests.support.processes import wait_until
from tests.support.servers import Uvicorn
from tests.support.stack import Valkey, Web

pytestmark = pytest.mark.usefixtures("transactional_db")
MB = 1_000_000
DESCRIPTORS = 200
LARGE = 40 * MB
ROOM = 24 * MB
"""By how much a server may grow. Six times LARGE would be held of what nobody reads."""
SERVERS = {"daphne": Web, "uvicorn": Uvicorn}
UPLOAD = "/jobs/start/no-such-kind/"
"""Takes files, and answers 404 to those that it reads."""


@pytest.fixture(scope="module")
def servers(valkey: Valkey, django_db_setup: None) -> Iterator[dict[str, Web]]:
    """Both web servers, with few descriptors."""
    running = {name: server() for name, server in SERVERS.items()}
    for server in running.values():
        few = ["/bin/sh", "-c", f'ulimit -n {DESCRIPTORS}; exec "$@"', "sh"]
        server.command = [*few, *server.command]
        server.begin()
    for server in running.values():
        server.await_ready()
    yield running
    for server in running.values():
        server.stop()


@pytest.fixture(params=SERVERS)
def server(request: pytest.FixtureRequest, servers: dict[str, Web]) -> Web:
    return servers[request.param]


@pytest.fixture
def daphne(servers: dict[str, Web]) -> Web:
    return servers["daphne"]


@pytest.fixture
def token(alice: User) -> str:
    return tokens.issue(alice)[1]


def peak(server: Web) -> int:
    """Bytes of memory that it has had at most."""
    status = Path(f"/proc/{server.pid}/status").read_text()
    return int(re.findall(r"VmHWM:\s+(\d+) kB", status)[0]) * 1024


def connect(server: Web) -> socket.socket:
    return socket.create_connection((server.host, server.port), timeout=PATIENCE)


def read_all(connection: socket.socket) -> bytes:
    """What comes until the other side has closed."""
    got = []
    try:
        while piece := connection.recv(65536):
            got.append(piece)
    except ConnectionResetError:
        got.append(b"(reset)")
    return b"".join(got)


def send(server: Web, head: str, piece: bytes, times: int) -> tuple[bytes, int]:
    """The answer to a request, and how often `piece` was taken before it came."""
    with connect(server) as client:
        client.sendall(f"{head}\r\nHost: localhost\r\n\r\n".encode())
        client.settimeout(0)
        sent, rest = 0, piece
        deadline = time.monotonic() + PATIENCE
        while sent < times and time.monotonic() < deadline:
            try:
                rest = rest[client.send(rest) :]
            except BlockingIOError:
                time.sleep(0.001)
            except (BrokenPipeError, ConnectionResetError):
                break
            if not rest:
                sent, rest = sent + 1, piece
            if answered(client):
                break
        client.settimeout(PATIENCE)
        return read_all(client), sent


def answered(client: socket.socket) -> bool:
    try:
        return bool(client.recv(1, socket.MSG_PEEK))
    except BlockingIOError:
        return False


def chunk(size: int) -> bytes:
    return b"%x\r\n%s\r\n" % (size, b"x" * size)


@pytest.mark.parametrize("path", ["/healthz", UPLOAD])
def test_the_endless_body_of_a_stranger_is_refused_as_soon_as_it_is_large(
    server: Web, path: str
) -> None:
    before = peak(server)
    head = f"POST {path} HTTP/1.1\r\nTransfer-Encoding: chunked\r\nAuthorization: Bearer pt_1_a"
    answer, sent = send(server, head, chunk(MB), 64)
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b"signed in" in answer
    assert sent < 32
    assert peak(server) - before < ROOM


def test_a_body_that_says_it_is_large_is_refused_before_it_comes(server: Web) -> None:
    head = f"POST {UPLOAD} HTTP/1.1\r\nContent-Length: {10**15}\r\nExpect: 100-continue"
    answer, _ = send(server, head, b"", 0)
    assert answer.startswith(b"HTTP/1.1 413 ")


def test_who_is_signed_in_sends_a_large_file_and_no_memory_holds_it(
    server: Web, token: str
) -> None:
    before = peak(server)
    headers = {"Authorization": f"Bearer {token}"}
    files = {"file": ("large.csv", b"1,2\n" * (LARGE // 4))}
    answer = httpx.post(server.url + UPLOAD, files=files, headers=headers, timeout=PATIENCE)
    assert answer.status_code == 404
    assert peak(server) - before < ROOM
    answer = httpx.post(f"{server.url}/healthz", files=files, headers=headers, timeout=PATIENCE)
    assert answer.status_code == 413


def test_small_bodies_of_all_kinds_arrive(server: Web, token: str) -> None:
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    for content in (b"{not json", iter([b"{not", b" json"])):
        answer = httpx.post(f"{server.url}/jobs/start/simulate/", content=content, headers=headers)
        assert (answer.status_code, "not valid JSON" in answer.text) == (400, True)


HALVES = {
    "half a head": "POST /healthz HTTP/1.1\r\nHost: localhost\r\nX: ",
    "half a body": "POST /healthz HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9999\r\n\r\n",
}


def test_half_requests_are_given_up_also_when_more_of_them_trickles(daphne: Web) -> None:
    """Uvicorn holds them: docs/operations.md."""
    clients = {name: connect(daphne) for name in HALVES}
    for name, client in clients.items():
        client.sendall(HALVES[name].encode())
        client.settimeout(0)

    def all_answered() -> bool:
        for client in clients.values():
            if not answered(client):
                client.send(b"x")
        return all(answered(client) for client in clients.values())

    wait_until(all_answered, every=0.5)
    for client in clients.values():
        client.settimeout(PATIENCE)
        assert read_all(client).startswith(b"HTTP/1.1 408 ")
        client.close()


def test_more_half_requests_than_descriptors_lock_nobody_out(daphne: Web) -> None:
    clients = []
    for _ in range(DESCRIPTORS * 2):
        client = connect(daphne)
        client.sendall(b"GET / HTTP/1.1\r\nX:")
        clients.append(client)
    assert httpx.get(f"{daphne.url}/healthz").status_code == 200
    assert b"(reset)" in read_all(clients[0])
    assert "the oldest are closed" in daphne.output
    for client in clients:
        client.close()


@pytest.fixture
def large(alice: User) -> Iterator[Job]:
    """A job whose result is LARGE."""
    job = Job.objects.create(
        kind="simulate",
        title="Simulate",
        owner=alice,
        status=Status.SUCCEEDED,
        attempt=1,
        files=["x"],
    )
    path = default_storage.save(result_path(job.pk, 1, "x"), ContentFile(b""))
    with Path(default_storage.path(path)).open("r+b") as file:
        file.truncate(LARGE)  # takes no space
    yield job
    default_storage.delete(path)


def test_downloads_that_nobody_reads_take_no_memory(server: Web, large: Job, token: str) -> None:
    before = peak(server)
    head = f"GET /jobs/{large.pk}/files/x/ HTTP/1.1\r\nHost: a\r\nConnection: close\r\n"
    ask = f"{head}Authorization: Bearer {token}\r\n\r\n".replace("Host: a", "Host: localhost")
    clients = [connect(server) for _ in range(6)]
    for client in clients:
        client.sendall(ask.encode())
    for client in clients:
        assert client.recv(1)
    time.sleep(1)  # in which all of it would be read
    assert peak(server) - before < ROOM
    size = 0
    while piece := clients[0].recv(MB):
        size += len(piece)
    assert size > LARGE
    for client in clients:
        client.close()

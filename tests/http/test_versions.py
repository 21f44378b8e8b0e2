"""HTTP/1.0, HTTP/1.1 and HTTP/2, and a middleware that compresses: the same streams and answers."""

import json
import socket
import ssl
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest
import trustme

from headway.stream.sse import Decoder, Message
from tests.http.conftest import Moving
from tests.support.patience import PATIENCE
from tests.support.servers import APPLICATION, Hypercorn, Serve
from tests.support.stack import Valkey, Web

STREAMS = 12
"""More than the six connections that a browser has for a site over HTTP/1.1."""


class SecureDaphne(Web):
    """With a certificate, over which HTTP/2 is agreed on."""

    def __init__(self, certificate: Path) -> None:
        super().__init__()
        self.url = f"https://127.0.0.1:{self.port}"
        endpoint = (
            f"ssl:{self.port}:interface=127.0.0.1:privateKey={certificate}:certKey={certificate}"
        )
        self.command = [sys.executable, "-m", "daphne", "-e", endpoint, APPLICATION]

    def answers(self) -> bool:
        try:
            return httpx.get(f"{self.url}/healthz", timeout=2, verify=False).is_success  # noqa: S501 - as it starts
        except httpx.TransportError:
            return False


class SecureHypercorn(SecureDaphne):
    """The same, on another server."""

    def __init__(self, certificate: Path) -> None:
        super().__init__(certificate)
        files = ("--certfile", str(certificate), "--keyfile", str(certificate))
        self.command = [*Hypercorn().command[:3], "--bind", f"127.0.0.1:{self.port}", *files]
        self.command.append(APPLICATION)


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module", params=[SecureDaphne, SecureHypercorn])
def secure(
    request: pytest.FixtureRequest,
    valkey: Valkey,
    django_db_setup: None,
    authority: trustme.CA,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Web]:
    """A server with a certificate made a moment ago."""
    file = tmp_path_factory.mktemp("tls") / "certificate.pem"
    authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(str(file))
    process: Web = request.param(file)
    process.start()
    yield process
    process.stop()


@pytest.fixture
def http2(secure: Web, authority: trustme.CA, token: str) -> Iterator[httpx.Client]:
    """A program that speaks HTTP/2 and checks the certificate."""
    trust = ssl.create_default_context()
    authority.configure_trust(trust)
    headers = {"Authorization": f"Bearer {token}"}
    options = httpx.Limits(max_connections=1)
    with httpx.Client(
        http2=True, http1=False, verify=trust, base_url=secure.url, headers=headers, limits=options
    ) as client:
        yield client


def until(pieces: Iterator[bytes], event: str) -> Message:
    """The next event of this kind."""
    decoder = Decoder()
    for piece in pieces:
        for message in decoder.feed(piece):
            if message.event == event:
                return message
    raise AssertionError(f"the stream ended without {event}")


def test_one_http2_connection_carries_many_streams_and_answers_beside_them(
    http2: httpx.Client, moving: Moving
) -> None:
    with ExitStack() as stack:
        streams = []
        for _ in range(STREAMS):
            response = stack.enter_context(http2.stream("GET", f"{moving.path}events/"))
            assert (response.http_version, response.status_code) == ("HTTP/2", 200)
            assert not {"connection", "transfer-encoding", "keep-alive"} & set(response.headers)
            streams.append(response.iter_raw())
            until(streams[-1], "progress")
        moving.move(25)
        for pieces in streams:
            assert json.loads(until(pieces, "progress").data)["percent"] == 25
        answer = http2.get(f"{moving.path}status/")
        assert (answer.http_version, answer.json()["percent"]) == ("HTTP/2", 25)
        moving.end()
        for pieces in streams:
            until(pieces, "done")
            assert list(pieces) == []


def test_over_http2_a_poll_waits_and_errors_are_told(http2: httpx.Client, moving: Moving) -> None:
    cursor = http2.get(f"{moving.path}status/").json()["cursor"]
    moving.move(60)
    answer = http2.get(f"{moving.path}status/", params={"wait": 20, "cursor": cursor})
    assert answer.json()["percent"] == 60
    assert http2.get(f"{moving.path}status/", params={"wait": 1, "cursor": cursor}).is_success
    assert http2.post("/jobs/start/simulate/", json={"steps": 0}).status_code == 400
    head = http2.head(f"{moving.path}events/")
    assert (head.status_code, head.content) == (200, b"")


@pytest.fixture(scope="module", params=[Web, Hypercorn])
def web(request: pytest.FixtureRequest, serve: Serve) -> Web:
    return serve(request.param, DJANGO_SETTINGS_MODULE="tests.http.gzip_settings")


def test_http_1_0_gets_a_stream_that_ends_with_the_connection(
    web: Web, moving: Moving, token: str
) -> None:
    head = f"GET {moving.path}events/ HTTP/1.0\r\nAuthorization: Bearer {token}\r\n\r\n"
    moving.move(10)
    with socket.create_connection(("127.0.0.1", web.port), timeout=PATIENCE) as client:
        client.sendall(head.encode())
        answer = b""
        while b"event: snapshot" not in answer:
            answer += client.recv(65536)
        moving.end()
        while piece := client.recv(65536):
            answer += piece
    headers, _, body = answer.partition(b"\r\n\r\n")
    assert b" 200 " in headers.splitlines()[0]
    assert b"transfer-encoding" not in headers.lower()
    assert b"content-length" not in headers.lower()
    assert [message.event for message in Decoder().feed(body)][-2:] == ["state", "done"]


def test_a_compressing_middleware_leaves_streams_alone_and_pages_right(
    program: httpx.Client, moving: Moving
) -> None:
    headers = {"Accept-Encoding": "gzip", "Accept": "text/html"}
    with program.stream("GET", f"{moving.path}events/", headers=headers) as response:
        assert response.headers["content-encoding"] == "identity"
        pieces = response.iter_raw()
        until(pieces, "progress")
        for percent in (20, 30):  # each arrives by itself and at once
            moving.move(percent)
            assert json.loads(until(pieces, "progress").data)["percent"] == percent
    page = program.get(moving.path, headers=headers)
    assert page.headers["content-encoding"] == "gzip"
    assert str(moving.job.pk) in page.text


def test_a_compressed_answer_is_304_all_the_same(program: httpx.Client, moving: Moving) -> None:
    first = program.get(f"{moving.path}status/", headers={"Accept-Encoding": "gzip"})
    assert first.headers["content-encoding"] == "gzip"
    again = program.get(
        f"{moving.path}status/?wait=1&cursor={first.json()['cursor']}",
        headers={"Accept-Encoding": "gzip", "If-None-Match": first.headers["etag"]},
    )
    assert (again.status_code, again.content) == (304, b"")

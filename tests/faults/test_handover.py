"""Streams that real servers have handed over: all of them are, who vanishes is found out, and a
process that is short of descriptors says so."""

import contextlib
import itertools
import socket
import time
from collections.abc import Iterator

import httpx
import pytest
from django.contrib.auth.models import User
from hypothesis import strategies as st

from benchmarks.processes import handed_over
from headway.lifecycle.log import log
from headway.models import Job
from headway.web import tokens
from tests.faults.test_web import events, make_job, say
from tests.support.island import Island
from tests.support.patience import PATIENCE
from tests.support.processes import wait_until
from tests.support.servers import Serve, Uvicorn
from tests.support.sockets import descriptors, open_stream, read_until
from tests.support.stack import Valkey, Web
from tests.support.thorough import Fuzz, Many

MINUTE = 60
AFTERWARDS = [
    *(b"\r\n", b"\0" * 300, b"0\r\n\r\n", b"x" * 5000, b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03"),
    *(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    b"POST /jobs/ HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n",
]
HIDDEN = b"GET /healthz HTTP/1.1\nHost: x\n\n"
SMUGGLED = {
    "both lengths": b"POST /nothing/ HTTP/1.1\nHost: x\nContent-Length: 4\n"
    b"Transfer-Encoding: chunked\n\n0\n\n" + HIDDEN,
    "two lengths": b"POST /nothing/ HTTP/1.1\nHost: x\nContent-Length: 0\nContent-Length: 40\n\n"
    + HIDDEN,
    "a bent encoding": b"POST /nothing/ HTTP/1.1\nHost: x\nTransfer-Encoding: xchunked\n\n"
    + HIDDEN,
    "a signed length": b"POST /nothing/ HTTP/1.1\nHost: x\nContent-Length: +0\n\n" + HIDDEN,
    "a line in a name": b"GET /nothing/ HTTP/1.1\nHost: x\nX BARE: y\n\n",
    "a header of a megabyte": b"GET /healthz HTTP/1.1\nHost: x\nX: " + b"x" * 1_000_000 + b"\n\n",
    "an address of a megabyte": b"GET /healthz?" + b"x" * 1_000_000 + b" HTTP/1.1\nHost: x\n\n",
}


@pytest.fixture(scope="module", params=[Web, Uvicorn], ids=["daphne", "uvicorn"])
def web(request: pytest.FixtureRequest, serve: Serve) -> Web:
    hosts = f"x,0.0.0.0,127.0.0.1,{Island().here}"
    return serve(request.param, host="0.0.0.0", ALLOWED_HOSTS=hosts)  # noqa: S104 - for the island


@pytest.fixture
def job(site: Web, alice: User) -> Job:
    return make_job(alice)


def test_every_stream_of_a_real_server_is_handed_over(site: Web, token: str, job: Job) -> None:
    with open_stream(events(site, job), token) as first:
        read_until(first, b"event: snapshot")
    wait_until(lambda: handed_over(site.pid) == 0)
    before = descriptors(site)
    members = [open_stream(events(site, job), token) for _ in range(30)]
    for each in members:
        read_until(each, b"event: snapshot")
    assert handed_over(site.pid) == 30, site.output
    assert site.output.count("Streams are written straight to their sockets") == 1
    for each in members:
        each.close()
    wait_until(lambda: handed_over(site.pid) == 0)
    wait_until(lambda: descriptors(site) <= before + 2)


def test_a_pipelined_request_is_dropped_and_nothing_is_wrong(
    site: Web, token: str, job: Job
) -> None:
    path, before = f"/jobs/{job.pk}/events/", len(site.output)
    request = f"GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\r\n".encode()
    with socket.create_connection(("127.0.0.1", site.port), PATIENCE) as client:
        client.sendall(request * 3)
        read_until(client, b"event: snapshot")
        wait_until(lambda: handed_over(site.pid) == 1)
    wait_until(lambda: handed_over(site.pid) == 0)
    assert "Traceback" not in site.output[before:]
    assert "Exception" not in site.output[before:]


def test_whatever_is_said_after_the_request_streams_go_on(
    site: Web, token: str, job: Job, fuzz: Fuzz
) -> None:
    """Early, in one packet with the request, garbage may end its own stream, and no other."""
    url, number, logged = events(site, job), itertools.count(), log()

    with open_stream(url, token) as other:
        read_until(other, b"event: snapshot")

        def check(pieces: list[bytes], early: bytes) -> None:
            with open_stream(url, token, then=early) as client:
                if not early:
                    read_until(client, b"event: snapshot")
                with contextlib.suppress(ConnectionError):
                    for piece in pieces:
                        client.sendall(piece)
                text = f"line {next(number)} of many"
                assert say(logged, job, text)
                if not early:
                    read_until(client, text.encode())
            read_until(other, text.encode())

        bytes_ = st.binary(max_size=300) | st.sampled_from(AFTERWARDS)
        early = st.just(b"") | st.binary(max_size=60) | st.sampled_from(AFTERWARDS)
        fuzz(check, st.lists(bytes_, max_size=6), early, usual=10, thorough=300)
    wait_until(lambda: handed_over(site.pid) == 0)
    assert httpx.get(f"{site.url}/healthz").status_code == 200
    # Uvicorn writes one when it has closed a connection for garbage, and the answer comes after
    assert isinstance(site, Uvicorn) or "Traceback" not in site.output, site.output[-3000:]


@pytest.mark.parametrize("request_", SMUGGLED.values(), ids=SMUGGLED)
def test_no_request_hides_in_the_body_of_another(site: Web, request_: bytes) -> None:
    """Where a proxy and the server disagree on its end, one person's request begins another's."""
    with socket.create_connection(("127.0.0.1", site.port), PATIENCE) as client:
        answer = b""
        with contextlib.suppress(OSError):  # it is cut off as soon as it is too much
            client.sendall(request_.replace(b"\n", b"\r\n").replace(b"BARE", b"\n"))
            client.shutdown(socket.SHUT_WR)
            while piece := client.recv(65536):
                answer += piece
    assert answer.count(b"HTTP/1.1 200") == 0, answer


@pytest.fixture(scope="module")
def island() -> Iterator[Island]:
    with Island() as made:
        yield made


def test_who_vanishes_without_a_word_is_gone_within_a_minute(
    island: Island, site: Web, token: str, job: Job, many: Many
) -> None:
    """The minute is the kernel's and ours. Of both servers with `--thorough`."""
    if isinstance(site, Uvicorn) and not many(0, thorough=1):
        pytest.skip("takes a minute for each server: pytest --thorough")
    island.plug_in()
    url = events(site, job).replace("0.0.0.0", island.here)  # noqa: S104 - not bound to here
    inhabitant = island.inhabitant("tests.faults.far_away", url, TOKEN=token)
    inhabitant.start()
    try:
        wait_until(lambda: "reading" in inhabitant.output)
        with open_stream(events(site, job), token) as stays:
            read_until(stays, b"event: snapshot")
            assert handed_over(site.pid) == 2
            island.pull_the_cable()
            vanished = time.monotonic()
            wait_until(lambda: handed_over(site.pid) == 1, MINUTE)
            assert time.monotonic() - vanished > 10, "it was told"
    finally:
        inhabitant.kill()


def test_a_process_short_of_descriptors_says_so_and_keeps_some(
    valkey: Valkey, transactional_db: None, alice: User
) -> None:
    site, job, token = Web(), make_job(alice), tokens.issue(alice)[1]
    site.command = ["/bin/sh", "-c", f"ulimit -n 250; {site.command[2]}"]
    members: list[socket.socket] = []
    site.start()
    try:
        assert "A process may have 250 files and connections open, and STREAM_MAX" in site.output
        told = b""
        while b"event: busy" not in told:
            members.append(open_stream(events(site, job), token))
            told = read_until(members[-1], b"\n\n")
        assert 90 < len(members) < 250
        answer = httpx.get(f"{site.url}/jobs/{job.pk}/status/", headers=bearer(token))
        assert answer.status_code == 200
        for each in members:
            each.close()
        wait_until(lambda: handed_over(site.pid) == 0)
        with open_stream(events(site, job), token) as again:
            read_until(again, b"event: snapshot")
    finally:
        site.stop()


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def test_what_is_switched_off_is_said_and_streams_work(
    valkey: Valkey, transactional_db: None, alice: User
) -> None:
    site, job = Web(STREAM_HAND_OVER="false"), make_job(alice)
    site.start()
    try:
        with open_stream(events(site, job), tokens.issue(alice)[1]) as member:
            read_until(member, b"event: snapshot")
            assert handed_over(site.pid) == 0
        assert site.output.count("a slower way, because it is switched off") == 1
    finally:
        site.stop()

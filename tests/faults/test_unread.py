"""Streams that have ended and that nobody reads cost as much as open ones: they count as those do,
and end for good. On all servers that the documentation names."""

import time

import pytest
from django.contrib.auth.models import User

from headway.lifecycle import announce
from headway.lifecycle.log import log
from headway.models import Job, Status
from headway.stream import Event
from headway.web import tokens
from tests.support.servers import Hypercorn, Serve, Uvicorn
from tests.support.sockets import open_stream, read_until
from tests.support.stack import Valkey, Web

MOST, GRACE = 3, 4
"""Streams of one user, and seconds after which an unread one is reset, in these tests."""


LIMITS = {
    "STREAM_MAX_BYTES": "100000",
    "STREAM_MAX_PER_USER": str(MOST),
    "STREAM_UNREAD": str(GRACE),
}
SERVERS = [Web, Uvicorn, Hypercorn]
ENDED = b"\r\n0\r\n\r\n"


@pytest.fixture(scope="module", params=SERVERS)
def web(request: pytest.FixtureRequest, serve: Serve) -> Web:
    return serve(request.param, **LIMITS)


@pytest.fixture(scope="module", params=SERVERS)
def writing(request: pytest.FixtureRequest, serve: Serve) -> Web:
    """A server that writes its streams itself, and so keeps the connection."""
    return serve(request.param, STREAM_HAND_OVER="false", **LIMITS)


@pytest.fixture
def token(valkey: Valkey, transactional_db: None, alice: User) -> str:
    del transactional_db
    return tokens.issue(alice)[1]


@pytest.fixture
def path(alice: User, token: str) -> str:
    """Of the stream of a job that has said more than a stream may carry."""
    job = Job.objects.create(kind="simulate", title="Simulate", owner=alice, status=Status.RUNNING)
    announce.created(job)
    lines = [{"job": str(job.pk), "attempt": 1, "text": "x" * 5000} for _ in range(40)]
    events = [(seq, Event("log", data)) for seq, data in enumerate(lines, 1)]
    log().append_all(str(job.pk), events, attempt=1)
    return f"/jobs/{job.pk}/events/"


@pytest.fixture
def url(web: Web, path: str) -> str:
    return web.url + path


def test_they_count_until_they_are_reset(url: str, token: str) -> None:
    asleep = [open_stream(url, token, buffer=4096, cursor="0") for _ in range(MOST)]
    time.sleep(1.5)  # all of them have ended, and nothing tells who does not read
    with open_stream(url, token) as late:
        read_until(late, b"event: busy")
    time.sleep(GRACE)
    for each in asleep:
        with pytest.raises(ConnectionResetError), each:
            read_until(each, b"nothing that ever comes")
    with open_stream(url, token) as later:
        read_until(later, b"event: snapshot")


def test_who_reads_to_the_end_is_let_in_again(url: str, token: str) -> None:
    read_to_the_end_often(url, token)
    time.sleep(GRACE + 1)
    with open_stream(url, token) as again:
        read_until(again, b"event: snapshot")


def test_who_reads_to_the_end_is_let_in_again_and_keeps_the_connection(
    writing: Web, path: str, token: str
) -> None:
    url = writing.url + path
    read_to_the_end_often(url, token)
    time.sleep(GRACE + 1)
    with open_stream(url, token, cursor="0") as reading:
        read_until(reading, ENDED)
        host = url.split("/")[2]
        head = f"GET {path} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {token}\r\n\r\n"
        reading.sendall(head.encode())
        read_until(reading, b"event: snapshot")


def read_to_the_end_often(url: str, token: str) -> None:
    for _ in range(2 * MOST):
        with open_stream(url, token, cursor="0") as reading:
            read_until(reading, ENDED)

"""One log and its reader on a Redis that stalls, or has nothing to say for long."""

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Iterator

import pytest
import redis

from headway.stream import Event, Hub, Log, Subscription, keys
from tests.stream.conftest import state
from tests.stream.streams import Database, collect_one, live
from tests.support.redis_server import PROGRAMS, RedisServer


@pytest.fixture(scope="module", params=PROGRAMS)
def server(request: pytest.FixtureRequest) -> Iterator[RedisServer]:
    opened = RedisServer(request.param)
    opened.start()
    yield opened
    opened.close()


@pytest.fixture
def log(server: RedisServer) -> Iterator[Log]:
    opened = Log(server.url, timeout=0.5)
    yield opened
    opened.close()


@pytest.fixture
async def hub(server: RedisServer) -> AsyncIterator[Hub]:
    database = Database()
    opened = Hub(server.url, database.recover, database.members)
    yield opened
    await opened.close()


def line(job: str, text: str) -> Event:
    return Event("log", {"job": job, "text": text})


def test_a_write_across_a_stall_is_stored_once(server: RedisServer, log: Log) -> None:
    """The first try is answered too late, and both reach the server."""
    job = "stalled"
    log.append(job, state(job, "running"), attempt=1)
    server.pause()
    threading.Timer(1.2, server.resume).start()
    for _ in range(10):  # as a reporter does until it is told that Redis has it
        try:
            log.append_all(job, [(1, line(job, "once"))], attempt=1)
            break
        except redis.RedisError:
            continue
    with server.client() as client:
        assert client.xlen(keys.log(job)) == 2


async def test_an_idle_stream_keeps_its_connection_and_hears_the_next_event_at_once(
    server: RedisServer, hub: Hub, log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("headway.stream.pubsub.SILENCE", 0.3)
    job = "idle"
    log.append(job, state(job, "running"), attempt=1)
    stream = await live(hub, Subscription([job]))
    before = server.info("total_connections_received")
    await asyncio.sleep(3)  # ten times as long as after which the connection is doubted
    log.append_all(job, [(1, line(job, "at last"))], attempt=1)
    begun = time.monotonic()
    await collect_one(stream, b"at last")
    assert time.monotonic() - begun < 1
    # One is that of the question itself.
    assert server.info("total_connections_received") - before <= 2
    await stream.aclose()

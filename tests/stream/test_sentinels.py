"""The log and the live channel follow the primary that Sentinels name."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest
import redis

from headway.stream import Event, Hub, Log, Subscription, redis_clients
from tests.stream.conftest import state
from tests.stream.streams import Database, collect, live, texts
from tests.support.processes import wait_until
from tests.support.redis_server import RedisServer
from tests.support.sentinels import Sentinel, Watched

BACK = 15
"""Seconds after which all has to go on, promised to operators."""


@pytest.fixture(scope="module")
def six() -> Iterator[Watched]:
    with Watched() as running:
        yield running


@pytest.fixture
def watched(six: Watched) -> Watched:
    """After a failover, the old primary takes itself for one until a Sentinel has told it."""
    six.heal()
    return six


@pytest.fixture
async def hub(watched: Watched, database: Database) -> AsyncIterator[Hub]:
    opened = Hub(watched.url, database.recover, database.members)
    yield opened
    await opened.close()


def say(log: Log, job: str, text: str) -> None:
    """Says it until it is taken."""
    until = time.monotonic() + BACK
    while True:
        try:
            log.append(job, Event("log", {"job": job, "text": text}), attempt=1)
            return
        except redis.RedisError:
            assert time.monotonic() < until, "not back in time"
            time.sleep(0.1)


async def test_a_replica_that_a_late_sentinel_names_is_neither_read_nor_listened_to(
    watched: Watched,
) -> None:
    replica = next(each for each in watched.servers if each is not watched.primary)
    late = Sentinel(replica, 9, "late")
    late.start()
    wait_until(lambda: late.master("late"))
    url = f"sentinel://127.0.0.1:{late.port}/late/0"
    log, reader = Log(url), redis_clients.async_client(url)
    try:
        with pytest.raises(redis.RedisError, match=r"is a replica now|now a slave|NOREPLICAS"):
            log.read(["a job"])  # which may have tried to note the epoch there first
        with pytest.raises(redis.ConnectionError, match="is a replica now"):
            await reader.ping()
    finally:
        log.close()
        await reader.aclose()
        late.kill()


@pytest.mark.parametrize("fault", [RedisServer.pause, RedisServer.kill])
async def test_streams_go_on_when_the_primary_hangs_or_dies(
    watched: Watched, hub: Hub, job: str, fault: Callable[[RedisServer], None]
) -> None:
    log = Log(watched.url, timeout=1)
    log.append(job, state(job, "running"), attempt=1, created=True)
    stream = await live(hub, Subscription([job], cursor=0))
    say(log, job, "before")
    assert texts(await collect(stream, "before")) == ["before"]
    old = watched.primary
    with contextlib.ExitStack() as healing:
        healing.callback(old.resume if fault is RedisServer.pause else old.start)
        fault(old)
        begun = time.monotonic()
        await asyncio.to_thread(say, log, job, "after")
        # What the old primary did not hand on is lost, and readers are told
        got = await collect(hub.stream(Subscription([job], cursor=0)), job)
        assert [message.event for message in got] == ["resync"]
        assert time.monotonic() - begun < BACK
        stream = await live(hub, Subscription([job], cursor=0))
        await asyncio.to_thread(say, log, job, "at last")
        assert (await collect(stream, "at last"))[-1].event == "log"
        wait_until(lambda: watched.primary is not old)
    log.close()


@pytest.mark.parametrize(
    ("url", "sentinels", "access", "options"),
    [
        ("sentinel://a,b:7,[::1]:8/s", [("a", 26379), ("b", 7), ("::1", 8)], {}, {"db": 0}),
        (
            "sentinel://me:p%40ss@a/s/3?sentinel_password=x&ssl=true&ssl_ca_certs=/ca.pem",
            [("a", 26379)],
            {"password": "x", "ssl": True, "ssl_ca_certs": "/ca.pem"},
            {
                "username": "me",
                "password": "p@ss",
                "db": 3,
                "ssl": True,
                "ssl_ca_certs": "/ca.pem",
            },
        ),
    ],
)
def test_an_address_names_all_that_is_needed(
    url: str, sentinels: object, access: object, options: object
) -> None:
    assert redis_clients.watched(url) == ("s", sentinels, access, options)


@pytest.mark.parametrize(
    "url", ["sentinel://a", "sentinel:///s", "sentinel://a,,b/s", "sentinel://a/s/x"]
)
def test_an_address_that_lacks_something_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="sentinel://HOST:26379,HOST:26379/SERVICE/0"):
        redis_clients.watched(url)


def test_a_connection_whose_answer_was_not_read_is_closed(watched: Watched) -> None:
    """The late answer would be taken for that to the next command."""
    primary = watched.primary
    client = redis_clients.client(watched.url, socket_timeout=0.2)
    connection: Any = client.connection_pool.get_connection()
    primary.pause()
    try:
        connection.send_command("TIME")
        with pytest.raises(redis.TimeoutError):
            connection.read_response()
    finally:
        primary.resume()
    assert connection._sock is None
    client.close()

"""The connection on which live messages come, taken over from redis-py."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
import redis

from headway.stream import Log, Subscription, redis_clients
from headway.stream.listener import Listener
from tests.stream.conftest import state
from tests.stream.streams import MakeHub, collect, say, texts, until
from tests.support.patience import PATIENCE
from tests.support.stack import Valkey


class Heard:
    """A listener and what it has been given."""

    def __init__(self, connection: Any) -> None:
        self.replies: list[Any] = []
        self.listener = Listener(connection, self.replies.append)

    async def lost(self) -> Exception:
        async with asyncio.timeout(PATIENCE):
            found: Exception = await self.listener.lost
        return found


@pytest.fixture
async def heard(valkey: Valkey) -> AsyncIterator[Heard]:
    async with redis_clients.async_client(valkey.url, protocol=2) as client:
        pool: Any = client.connection_pool
        connection = pool.make_connection()
        await connection.connect()
        yield Heard(connection)
        await connection.disconnect(nowait=True)  # it would not be told that it is closed


async def test_replies_come_whole_and_in_order_however_their_bytes_come(
    heard: Heard, valkey: Valkey, job: str
) -> None:
    heard.listener.send(("SUBSCRIBE", job))
    await until(lambda: heard.replies)
    with valkey.client() as client:
        for number in range(100):
            client.publish(job, b"%d\r\n$\0" % number)
    await until(lambda: len(heard.replies) > 100)
    expected: list[Any] = [[b"subscribe", job.encode(), 1]]
    expected += [[b"message", job.encode(), b"%d\r\n$\0" % number] for number in range(100)]
    assert heard.replies == expected
    heard.replies.clear()
    for byte in b"*3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$2\r\n\r\n\r\n:1\r\n":
        heard.listener.data_received(bytes([byte]))
    assert heard.replies == [[b"message", b"c", b"\r\n"], 1]


async def test_a_server_that_closes_the_connection_is_told_once(
    heard: Heard, valkey: Valkey
) -> None:
    heard.listener.send(("QUIT",))
    assert isinstance(await heard.lost(), redis.ConnectionError)
    assert heard.replies == [b"OK"]
    heard.listener.connection_lost(OSError("again"))
    assert not isinstance(await heard.lost(), OSError)


async def test_what_nobody_can_read_ends_the_connection(heard: Heard) -> None:
    heard.listener.data_received(b"HTTP/1.1 400 Bad Request\r\n:1\r\n")
    heard.listener.data_received(b":2\r\n")
    assert isinstance(await heard.lost(), redis.InvalidResponse)
    assert heard.replies == []


async def test_a_server_that_refuses_to_subscribe_is_asked_until_it_does(
    make_hub: MakeHub, valkey: Valkey, log: Log, job: str, caplog: pytest.LogCaptureFixture
) -> None:
    number = log.append(job, state(job, "running"), attempt=1).number
    stream = make_hub().stream(Subscription([job], cursor=number))
    with valkey.client() as client:
        client.execute_command("ACL", "SETUSER", "default", "-subscribe")
        try:
            await anext(stream)
            await until(lambda: "Live messages are interrupted: NOPERM" in caplog.text)
        finally:
            client.execute_command("ACL", "SETUSER", "default", "+subscribe")
    say(log, job, "after")
    assert texts(await collect(stream, "after")) == ["after"]


async def test_while_nothing_need_be_read_nothing_is_and_then_all_at_once(
    heard: Heard, valkey: Valkey, job: str
) -> None:
    seconds, listener = 1e6, heard.listener
    listener._rest = lambda: seconds
    listener.send(("SUBSCRIBE", job))
    await until(lambda: heard.replies)
    with valkey.client() as client:
        for number in range(3):
            assert client.publish(job, str(number)) == 1
        assert not listener._transport.is_reading()
        assert len(heard.replies) == 1
        seconds = 0.01
        listener.send(("PING",))  # whoever asks gets an answer
        await until(lambda: len(heard.replies) == 5)
        await until(listener._transport.is_reading)  # by itself
        seconds = 1e6
        client.publish(job, "last")
        await until(lambda: heard.replies[-1][-1] == b"last")
    listener.close(redis.ConnectionError("enough"))
    listener.send(("PING",))
    assert str(await heard.lost()) == "enough"

"""A worker that has to connect anew must not keep what it has opened, however it lost its
connection: not until Python's collector comes by. Faults F41 and F43."""

import contextlib
import gc
from collections.abc import Iterator
from typing import Any

import pytest
from kombu import Connection
from kombu.asynchronous import Hub
from redis.exceptions import ResponseError

from headway.worker.transport import Transport
from tests.support.processes import wait_until
from tests.support.redis_server import RedisServer


@pytest.fixture(scope="module")
def server() -> Iterator[RedisServer]:
    server = RedisServer()
    server.start()
    yield server
    server.close()


@pytest.fixture(autouse=True)
def no_collector() -> Iterator[None]:
    gc.disable()
    yield
    gc.enable()


@pytest.fixture
def queue(server: RedisServer) -> Connection:
    """As a worker has it."""
    server.set("maxmemory", 0)
    server.flush()
    return Connection(server.url, transport=Transport)


def received(queue: Connection) -> Any:
    """A message that has come from the queue, and is not done."""
    jobs = queue.SimpleQueue("jobs")
    jobs.put({"job": 1})
    return jobs.get(timeout=30)


def all_closed(server: RedisServer) -> bool:
    """But for the connection of whoever asks."""
    return bool(server.info("connected_clients") == 1)


def test_a_connection_that_is_refused_the_first_command_is_closed(
    server: RedisServer, queue: Connection
) -> None:
    queue.ensure_connection(max_retries=1)
    server.set("maxmemory", 1)
    with pytest.raises(ResponseError):
        queue.transport.register_with_event_loop(queue.connection, Hub())
    wait_until(lambda: all_closed(server))


def test_a_message_that_is_put_back_leaves_no_connection(
    server: RedisServer, queue: Connection
) -> None:
    received(queue)
    queue.collect(0.1)
    wait_until(lambda: all_closed(server))
    with server.client() as client:
        assert client.llen("jobs") == 1


@pytest.mark.parametrize("lost", [False, True])
def test_a_message_that_is_done_after_its_connection_leaves_none(
    lost: bool, server: RedisServer, queue: Connection
) -> None:
    message = received(queue)
    if lost:
        server.kill()
    with contextlib.suppress(*queue.connection_errors):
        queue.collect(0.1)
    if lost:
        server.start()
    message.ack()
    wait_until(lambda: all_closed(server))
    assert message.acknowledged

"""A Redis that takes connections and refuses what comes over them: a worker connects anew several
times in a second, and must not keep what it has opened. Fault F43."""

from collections.abc import Iterator

import pytest
from django.conf import settings
from kombu import Connection
from kombu.asynchronous import Hub
from redis.exceptions import ResponseError

from progress.transport import Transport
from tests.support.redis_server import RedisServer


@pytest.fixture(scope="module")
def server() -> Iterator[RedisServer]:
    server = RedisServer()
    server.start()
    yield server
    server.close()


def test_a_connection_that_is_refused_the_first_command_is_closed(server: RedisServer) -> None:
    server.set("maxmemory", 1)
    before = server.info("connected_clients")
    options = settings.CELERY_BROKER_TRANSPORT_OPTIONS
    opened = []  # kept: the collector would close them, in the end
    for _ in range(5):
        queue = Connection(server.url, transport=Transport, transport_options=options)
        queue.ensure_connection(max_retries=1)
        opened.append(queue)
        with pytest.raises(ResponseError):
            queue.transport.register_with_event_loop(queue.connection, Hub())
    assert server.info("connected_clients") == before

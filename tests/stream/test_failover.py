"""A writer whose server has become a read-only replica finds the new primary at the address."""

from collections.abc import Iterator

import pytest

from headway.stream import Event, Log
from tests.stream.conftest import state
from tests.support.proxy import Proxy
from tests.support.redis_server import RedisServer


@pytest.fixture
def pair() -> Iterator[tuple[RedisServer, RedisServer]]:
    primary, replica = RedisServer(), RedisServer()
    primary.start()
    replica.start()
    replica.follow(primary)
    yield primary, replica
    primary.close()
    replica.close()


def test_writes_follow_the_address_to_the_new_primary(
    pair: tuple[RedisServer, RedisServer], job: str
) -> None:
    primary, replica = pair
    proxy = Proxy(primary.port, unavailable=b"")
    log = Log(f"redis://127.0.0.1:{proxy.port}/0")
    log.append(job, state(job, "running"), attempt=1)
    replica.lead()
    proxy.target = replica.port
    primary.follow(replica)
    # Nobody has closed the connection to the old primary.
    lines = [(number, Event("log", {"job": job, "text": str(number)})) for number in (1, 2)]
    assert log.append(job, state(job, "running"), attempt=1).number
    assert log.append_all(job, lines, attempt=1).number
    log.alive("worker", "one", {})
    log.close()
    proxy.close()

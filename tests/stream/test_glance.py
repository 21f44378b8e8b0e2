"""What pages read of Redis: quickly, or not at all; and one finds out for all."""

import time
from collections.abc import Iterator

import pytest
import redis

from headway.stream import Glance, Log
from headway.stream.glance import REST
from tests.support.patience import PATIENCE
from tests.support.processes import wait_until
from tests.support.stack import Valkey

WAITS = 0.3
"""Seconds that one read may take."""


@pytest.fixture
def glance(valkey: Valkey) -> Iterator[Glance]:
    log = Log(valkey.url, timeout=WAITS)
    yield Glance(log)
    valkey.resume()
    log.close()


def names(log: Log) -> dict[str, object]:
    return dict(log.who_is_alive("nobody"))


def seconds(glance: Glance, reads: int) -> float:
    begun = time.monotonic()
    assert [glance.read(names) for _ in range(reads)] == [None] * reads
    return time.monotonic() - begun


def test_it_gives_what_there_is(glance: Glance) -> None:
    assert glance.read(names) == {}


@pytest.mark.parametrize("connected", [True, False])
def test_one_waits_for_a_redis_that_hangs_and_the_others_do_not(
    glance: Glance, valkey: Valkey, connected: bool
) -> None:
    if connected:
        glance.read(names)
    valkey.pause()
    assert seconds(glance, 1) >= WAITS
    assert seconds(glance, 50) < WAITS
    time.sleep(REST)
    assert WAITS <= seconds(glance, 50) < 2 * WAITS + 0.5


def test_pages_see_again_soon_after_redis_is_back(glance: Glance, valkey: Valkey) -> None:
    valkey.pause()
    assert glance.read(names) is None
    valkey.resume()
    wait_until(lambda: glance.read(names) == {}, REST + PATIENCE)
    assert glance.read(names) == {}


def test_what_others_saw_counts_and_what_fails_at_once_does_not(glance: Glance) -> None:
    glance.note(redis.ConnectionError("refused"))
    assert glance.read(names) == {}
    glance.note(redis.TimeoutError("silent"))
    assert glance.read(names) is None


def test_a_read_that_is_refused_is_tried_each_time(valkey: Valkey) -> None:
    log = Log("redis://127.0.0.1:9/0", timeout=WAITS)
    away = Glance(log)
    assert away.read(names) is None
    assert not away._blind_until
    log.close()

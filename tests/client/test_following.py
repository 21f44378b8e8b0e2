"""The client's waits and its ways to be used, without a network or with the simplest one."""

import asyncio
import threading

import httpx
import pytest

from headway.client import GaveUpError, awatch, watch
from headway.stream.following import MAX_JITTER, MAX_RETRY, Following, Interrupted
from tests.client.hostile import Hostile, answer
from tests.support.patience import PATIENCE

EVENTS = b"retry: 10\nid: 1\ndata: 1\n\nid: 2\ndata: 2\n\nid: 3\ndata: 3\n\n"
END = b"event: done\ndata: [DONE]\n\n"


class Clock:
    """Time that passes when told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def connected(state: Following, body: bytes = b"") -> None:
    state.open(200, {"content-type": "text/event-stream"})
    list(state.feed(body))


def test_each_vain_attempt_doubles_the_random_part_up_to_a_bound() -> None:
    for _ in range(50):
        state = Following(backoff=1.0)
        for attempt in range(12):
            assert 0 <= state.pause("cut") <= min(MAX_JITTER, 2**attempt)


def test_waits_of_many_clients_are_spread() -> None:
    waits = sorted(Following(backoff=8.0).pause("cut") for _ in range(400))
    assert waits[100] < 3 < 5 < waits[300]


def test_the_streams_retry_is_the_least_and_cannot_be_a_year() -> None:
    state = Following(backoff=1.0)
    connected(state, b"retry: 1500\n\n")
    assert 1.5 <= state.pause("cut") <= 2.5
    connected(state, b"retry: 99999999999999\n\n")
    assert state.pause("cut") <= MAX_RETRY + MAX_JITTER


def test_retry_after_is_kept_and_only_where_it_is_seconds() -> None:
    with pytest.raises(Interrupted) as error:
        Following().open(503, {"retry-after": "7"})
    assert 7 <= Following().pause(error.value) <= 8
    with pytest.raises(Interrupted) as error:
        Following().open(429, {"retry-after": "Wed, 21 Oct 2026 07:28:00 GMT"})
    assert Following().pause(error.value) <= 1


def test_an_event_makes_the_next_wait_short_again() -> None:
    state = Following(backoff=1.0)
    for _ in range(8):
        state.pause("cut")
    connected(state, b"data: 1\n\n")
    assert state.pause("cut") <= 1


def test_a_quiet_connection_that_lasted_was_a_good_one() -> None:
    clock = Clock()
    state = Following(give_up=30, clock=clock)
    state.pause("cut")
    connected(state)
    clock.now += 3600
    list(state.feed(b": keepalive\n\n"))
    state.pause("cut")
    clock.now += 31
    with pytest.raises(GaveUpError, match="cut"):
        state.pause("cut")


def test_a_loop_that_is_left_knows_where_another_goes_on() -> None:
    with Hostile(answer(EVENTS + END)) as server:
        first = watch(server.url)
        assert next(first).data == 1
        assert first.cursor == "1"
        first.close()
        first.close()
        assert list(first) == []


def test_a_with_block_closes_the_connection_and_leaves_the_callers_client_open() -> None:
    server = Hostile()
    server._script = (server.silent(answer(EVENTS)),)
    with server, httpx.Client() as client:
        with watch(server.url, client=client) as events:
            assert next(events).id == "1"
        assert not client.is_closed


async def test_an_async_with_block_does_too() -> None:
    server = Hostile()
    server._script = (server.silent(answer(EVENTS)),)
    with server:
        async with httpx.AsyncClient() as client:
            async with awatch(server.url, client=client) as events:
                assert (await anext(events)).id == "1"
                assert events.cursor == "1"
            assert not client.is_closed


async def test_waiting_for_an_event_can_be_cancelled() -> None:
    server = Hostile()
    server._script = (server.silent(answer(EVENTS)),)
    with server:
        seen = asyncio.Event()

        async def follow() -> None:
            async for event in awatch(server.url):
                if event.id == "3":
                    seen.set()

        task = asyncio.create_task(follow())
        await asyncio.wait_for(seen.wait(), PATIENCE)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


def test_nothing_is_sent_before_the_first_event_is_wanted() -> None:
    with Hostile(answer(END)) as server:
        with watch(server.url):
            pass
        assert server.requests == []
        assert threading.active_count() < 20

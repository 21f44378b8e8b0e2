"""The hub when Redis is lost, hung, flushed or late, and when viewers are cut off."""

import asyncio
import json
import random
import threading
from collections.abc import Collection, Mapping, Sequence
from contextlib import aclosing

import pytest
import redis

from headway.stream import Hub, Log, Subscription, keys
from headway.stream.sse import Decoder, Message
from tests.stream.conftest import state
from tests.stream.streams import (
    Database,
    MakeHub,
    Stream,
    collect,
    collect_one,
    live,
    say,
    texts,
    until,
)
from tests.support.patience import PATIENCE
from tests.support.stack import Valkey


async def test_what_redis_lost_comes_from_the_database(
    hub: Hub, log: Log, database: Database, job: str
) -> None:
    database.jobs[job] = {"job": job, "status": "running", "finished": None}
    database.down = 1
    number = say(log, f"{job}-other", "x")
    got = await collect(hub.stream(Subscription([job], cursor=number)), "status")
    assert [message.event for message in got] == ["resync", "snapshot"]
    assert json.loads(got[0].data)["reason"] == "lost"


async def test_a_flush_during_a_stream_is_told_and_survived(
    hub: Hub, valkey: Valkey, log: Log, job: str
) -> None:
    valkey.flush()  # another test may have made the numbers run ahead of the clock
    log.append(job, state(job, "queued", 0), attempt=0, created=True)
    reader = Subscription([job])
    stream = await live(hub, reader)
    valkey.flush()
    log.append(job, state(job, "running"), attempt=1)
    say(log, job, "after")
    got = await collect(stream, "running")
    assert [message.event for message in got] == ["snapshot", "progress", "resync", "snapshot"]
    assert json.loads(got[2].data)["reason"] == "lost"


async def test_a_flush_and_a_clock_that_went_back_are_told_and_survived(
    hub: Hub, valkey: Valkey, log: Log, job: str
) -> None:
    """The numbers of before are ahead of all that come: a reader must not wait for them."""
    ahead = log.append(job, state(job, "queued", 0), attempt=0, created=True).number + 10**10
    log.append(job, state(job, "running"), attempt=1, floor=ahead)
    streams = [await live(hub, Subscription([job])) for _ in range(2)]
    valkey.flush()
    log.append(job, state(job, "running", 2), attempt=2)
    for stream in streams:
        got = await collect(stream, '"attempt":2')
        told = [message.event for message in got]
        assert told == ["snapshot", "progress", "resync", "snapshot"]
    late = await live(hub, Subscription([job]))
    say(log, job, "after", attempt=2)
    assert texts(await collect(late, "after")) == ["after"]


async def test_a_flush_and_a_second_viewer_do_not_keep_the_hub_reading(
    hub: Hub, valkey: Valkey, log: Log, database: Database, job: str
) -> None:
    database.jobs[job] = {"job": job, "status": "running", "finished": None}
    log.append(job, state(job, "running"), attempt=1)
    first = await live(hub, Subscription([job]))
    say(log, job, "before")
    assert b"before" in await collect_one(first, b"before")
    valkey.flush()
    second = await live(hub, Subscription([job]))
    got = await collect(second, "running")
    assert [message.event for message in got] == ["snapshot"]
    for stream in (first, second):
        await stream.aclose()


async def test_a_message_that_is_none_of_ours_does_not_stop_the_others(
    hub: Hub, valkey: Valkey, log: Log, job: str
) -> None:
    log.append(job, state(job, "running"), attempt=1)
    stream = await live(hub, Subscription([job]))
    with valkey.client() as client:
        client.publish(keys.live(job), b"garbage")
    say(log, job, "after")
    assert texts(await collect(stream, "after")) == ["after"]


async def test_a_subscription_that_was_under_way_fails_with_its_connection(hub: Hub) -> None:
    channels = hub._channels
    channels.unconfirmed = {"a", "b"}
    waiting = asyncio.ensure_future(channels.confirmed())
    await asyncio.sleep(0)
    channels._forget()
    with pytest.raises(redis.ConnectionError):
        await waiting
    channels._confirm("nobody asked for it any more")
    assert not channels.unconfirmed


async def test_a_lost_redis_connection_loses_nothing(
    hub: Hub, valkey: Valkey, log: Log, job: str
) -> None:
    log.append(job, state(job, "queued", 0), attempt=0, created=True)
    stream = await live(hub, Subscription([job]))
    reading = asyncio.ensure_future(collect(stream, "end"))
    with valkey.client() as client:
        for text in range(60):
            say(log, job, text)
            if text % 20 == 10:
                client.client_kill_filter(_type="pubsub")
            await asyncio.sleep(0.005)
    say(log, job, "end")
    assert texts(await reading) == [*map(str, range(60)), "end"]


async def test_live_messages_that_are_renewed_lose_nothing(hub: Hub, log: Log, job: str) -> None:
    log.append(job, state(job, "queued", 0), attempt=0, created=True)
    stream = await live(hub, Subscription([job]))
    for _ in range(2):
        hub._channels.renew()
    say(log, job, "after")
    assert texts(await collect(stream, "after")) == ["after"]
    assert hub.tally()["losses", ""] == 1


async def test_a_hung_redis_is_noticed_and_left(
    make_hub: MakeHub, valkey: Valkey, log: Log, job: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("headway.stream.pubsub.SILENCE", 0.2)
    log.append(job, state(job, "running"), attempt=1)
    hub = make_hub(keepalive=0.1)
    stream = hub.stream(Subscription([job]))
    await collect_one(stream, b"snapshot")
    losses = threading.Event()
    monkeypatch.setattr(hub._channels, "_on_loss", losses.set)
    valkey.pause()
    try:
        async with asyncio.timeout(PATIENCE):
            while not losses.is_set():
                assert await anext(stream) == b": keepalive\n\n"
    finally:
        valkey.resume()
    await stream.aclose()


async def test_a_stream_stays_alive_without_redis_and_catches_up_afterwards(
    make_hub: MakeHub, valkey: Valkey, log: Log, job: str
) -> None:
    log.append(job, state(job, "running"), attempt=1)
    stream = make_hub(keepalive=0.1).stream(Subscription([job], heartbeat=True))
    valkey.stop()
    try:
        assert (await anext(stream)).startswith(b"retry")
        for _ in range(3):
            assert (await anext(stream)).startswith(b"event: heartbeat")
    finally:
        valkey.start()
    log.append(job, state(job, "running"), attempt=1)
    assert b"snapshot" in await collect_one(stream, b"snapshot")
    await stream.aclose()


async def test_messages_that_one_job_of_several_is_missing_are_told(
    hub: Hub, log: Log, job: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = f"{job}-other"
    for name in (job, other):
        log.append(name, state(name, "running"), attempt=1)
    stream = await live(hub, Subscription([job, other]))
    hear = hub._channels._on_message
    monkeypatch.setattr(hub._channels, "_on_message", lambda *_: None)
    lost = say(log, job, "lost")
    await until(lambda: hub._channels._confirmed)
    await asyncio.sleep(0.1)  # nothing tells that a message has been thrown away
    monkeypatch.setattr(hub._channels, "_on_message", hear)
    say(log, other, "other")
    assert b"other" in await collect_one(stream, b'"other"')
    say(log, job, "next")
    got = await collect(stream, '"percent"')
    assert json.loads(got[0].data) == {"job": job, "reason": "lost"}
    assert int(got[-1].id) > lost


async def test_a_reader_that_makes_a_round_fail_does_not_keep_others_waiting(
    make_hub: MakeHub, log: Log, database: Database, job: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    log.append(job, state(job, "running"), attempt=1)
    monkeypatch.setattr("headway.stream.hub.ROUND", 2)
    hub = make_hub()
    poison = [hub.stream(Subscription([], feed="poison")) for _ in range(2)]
    members = database.members

    async def fail_for_some(
        wanted: Collection[tuple[str, int]],
    ) -> Mapping[tuple[str, int], Sequence[str]]:
        if "poison" in dict(wanted):
            raise OSError("a poisoned look-up")
        return await members(wanted)

    monkeypatch.setattr(hub, "_members", fail_for_some)
    for stream in poison:
        await anext(stream)
    got = await collect(hub.stream(Subscription([job])), "running")
    assert [message.event for message in got] == ["snapshot"]
    for stream in poison:
        await stream.aclose()


class Unlucky:
    """A viewer who is slow and whose connections are cut in the middle of a piece."""

    def __init__(self, hub: Hub, jobs: list[str], chance: random.Random) -> None:
        self.hub, self.jobs, self.chance = hub, jobs, chance
        self.got: list[Message] = []
        self.last_id = "0"

    @property
    def done(self) -> bool:
        return bool(self.got) and "end" in self.got[-1].data

    async def watch(self) -> list[Message]:
        while not self.done:
            decoder = Decoder(self.last_id)
            reader = Subscription(self.jobs, cursor=int(self.last_id))
            async with aclosing(self.hub.stream(reader)) as stream:
                await self._read(stream, decoder)
            self.last_id = decoder.last_id
        return self.got

    async def _read(self, stream: Stream, decoder: Decoder) -> None:
        async for piece in stream:
            cut = self.chance.random() < 0.2
            part = self.chance.randint(0, len(piece)) if cut else len(piece)
            self.got += decoder.feed(piece[:part])
            if cut or self.done:
                return
            await asyncio.sleep(self.chance.choice([0, 0, 0.02]))


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("count", "drops"), [(3, 0.0), (1, 0.1)])
async def test_whatever_happens_each_viewer_gets_everything_once_and_in_order(
    hub: Hub,
    valkey: Valkey,
    log: Log,
    job: str,
    seed: int,
    count: int,
    drops: float,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    chance = random.Random(seed)
    jobs = [f"{job}-{number}" for number in range(count)]
    for name in jobs:
        log.append(name, state(name, "queued", 0), attempt=0, created=True)
    hear = hub._channels._on_message

    def drop_some(channel: str, data: bytes) -> None:
        if b"end" in data or chance.random() >= drops:
            hear(channel, data)

    monkeypatch.setattr(hub._channels, "_on_message", drop_some)
    viewers = [asyncio.ensure_future(Unlucky(hub, jobs, chance).watch()) for _ in range(5)]
    numbers = []
    with valkey.client() as client:
        for text in range(150):
            numbers.append(say(log, chance.choice(jobs), text))
            if chance.random() < 0.03:
                client.client_kill_filter(_type="pubsub")
            await asyncio.sleep(0.002)
    numbers.append(say(log, jobs[0], "end"))
    async with asyncio.timeout(PATIENCE):
        for got in await asyncio.gather(*viewers):
            assert [int(message.id) for message in got if message.event == "log"] == numbers

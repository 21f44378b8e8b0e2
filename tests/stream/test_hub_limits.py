"""What streams may cost, and that they cost no more."""

import asyncio
import json
from collections.abc import Mapping
from typing import Any

import redis

from headway.stream import Event, Hub, Log, Subscription, keys
from headway.stream.notices import CLOSING, SPENT, opening
from headway.stream.sse import Decoder
from headway.stream.subscription import Phase
from headway.stream.wire import AsgiWire
from tests.stream.conftest import progress, state
from tests.stream.streams import (
    MakeHub,
    collect,
    live,
    say,
    texts,
    until,
)
from tests.support.patience import PATIENCE
from tests.support.stack import Valkey


async def test_a_reader_that_falls_behind_reads_the_log_instead(
    make_hub: MakeHub, log: Log, job: str
) -> None:
    log.append(job, state(job, "queued", 0), attempt=0, created=True)
    reader = Subscription([job])
    stream = await live(make_hub(buffer=2000, tick=0.001), reader)
    for text in range(90):
        say(log, job, text)
        await asyncio.sleep(0.002)
    await until(lambda: reader.phase is Phase.BLOCKED)
    assert len(await anext(stream)) <= 2000
    got = await collect(stream, '"89"')
    assert texts(got) == [str(text) for text in range(90)][-len(got) :]


async def test_who_never_reads_is_given_up_when_the_stream_is_old(
    make_hub: MakeHub, log: Log, job: str
) -> None:
    log.append(job, state(job, "queued", 0), attempt=0, created=True)
    hub, reader, gone = (
        make_hub(max_age=0.3, keepalive=0.4, unread=0.5),
        Subscription([job]),
        asyncio.Event(),
    )

    async def send(message: Mapping[str, Any]) -> None:
        del message
        await asyncio.get_running_loop().create_future()

    hub.attach(reader, AsgiWire(send, gone.set))
    assert not reader.wire.write(b"more")
    await asyncio.wait_for(gone.wait(), PATIENCE)
    assert reader.ended
    assert not hub.readers


async def test_a_stream_that_has_ended_is_left_alone_until_it_is_taken_away(
    make_hub: MakeHub, log: Log, job: str
) -> None:
    log.append(job, state(job, "failed", final=True), attempt=1)
    stream = make_hub(keepalive=0.1).stream(Subscription([job], ends=True))
    pieces = [await anext(stream)]
    await asyncio.sleep(0.3)  # several looks of the clock, which are what is tested
    pieces += [piece async for piece in stream]
    assert b"".join(pieces).endswith(b"[DONE]\n\n")


async def test_closing_the_hub_ends_its_streams(hub: Hub, log: Log, job: str) -> None:
    log.append(job, state(job, "running"), attempt=1)
    stream = await live(hub, Subscription([job]))
    await hub.close()
    pieces = [piece async for piece in stream]
    *_, last, blank = b"".join(pieces).split(b"\n\n")
    assert (blank, last.startswith(CLOSING + b"retry: ")) == (b"", True)
    (late,) = [piece async for piece in hub.stream(Subscription([job]))]
    assert late.startswith(CLOSING)


async def test_a_catch_up_is_bounded_in_bytes_too(
    make_hub: MakeHub, valkey: Valkey, log: Log, job: str
) -> None:
    """However much has been missed, it comes in pieces, and the stream ends when it is large."""
    log.append(job, state(job, "queued", 0), attempt=0, created=True)
    roomy = Log(valkey.url, maxlen=5000)
    events = [(seq, Event("log", {"job": job, "text": "x" * 8000})) for seq in range(1, 201)]
    roomy.append_all(job, events, attempt=1)
    roomy.close()
    stream = make_hub(max_bytes=600_000).stream(Subscription([job], cursor=0))
    pieces = [piece async for piece in stream]
    assert max(map(len, pieces)) < 540_000
    assert 600_000 < sum(map(len, pieces)) < 1_200_000


async def test_a_stream_ends_when_it_is_old(make_hub: MakeHub, log: Log, job: str) -> None:
    log.append(job, state(job, "running"), attempt=1)
    hub = make_hub(max_age=0.2, keepalive=0.4)
    async with asyncio.timeout(PATIENCE):
        pieces = [piece async for piece in hub.stream(Subscription([job]))]
    assert b"snapshot" in b"".join(pieces)
    assert pieces[-1].startswith(SPENT + b"retry: ")


async def test_a_stream_ends_when_it_is_large(make_hub: MakeHub, log: Log, job: str) -> None:
    log.append(job, state(job, "running"), attempt=1)
    reader = Subscription([job])
    stream = await live(make_hub(max_bytes=900, tick=0.0, keepalive=0.4), reader)
    for text in range(30):
        say(log, job, text)
        await asyncio.sleep(0)
    got = texts(await collect(stream, "never"))
    assert got == [str(text) for text in range(len(got))]
    assert 900 < reader.given < 1800, "at most one write more, however much is published meanwhile"


async def test_over_a_limit_a_stream_says_busy_and_come_back_later(
    make_hub: MakeHub, log: Log, job: str
) -> None:
    log.append(job, state(job, "running"), attempt=1)
    hub = make_hub(max_held=2, max_streams=3)
    held = [await live(hub, Subscription([job], holder="alice")) for _ in range(2)]
    [busy] = [piece async for piece in hub.stream(Subscription([job], holder="alice"))]
    assert b"event: busy\n" in busy
    assert 20_000 <= int(busy.split(b"retry: ")[1].split(b"\n")[0]) <= 40_000
    held.append(await live(hub, Subscription([job], holder="bob")))
    full = [piece async for piece in hub.stream(Subscription([job], holder="carol"))]
    assert b"event: busy\n" in full[0]
    await held[0].aclose()
    held.append(await live(hub, Subscription([job], holder="alice")))
    for stream in held:
        await stream.aclose()
    assert not hub._accounts._held


async def test_progress_is_conflated_within_a_tick_and_nothing_else_is(
    make_hub: MakeHub, log: Log, job: str
) -> None:
    log.append(job, state(job, "running"), attempt=1)
    stream = await live(make_hub(tick=0.5), Subscription([job]))
    assert b"snapshot" in await anext(stream)
    log.append(job, progress(job, 1), attempt=1)
    assert b'"percent":1}' in await anext(stream)
    begun = asyncio.get_running_loop().time()
    for percent in range(2, 8):
        log.append(job, progress(job, percent), attempt=1)
        say(log, job, percent)
    got = list(Decoder().feed(await anext(stream)))
    assert asyncio.get_running_loop().time() - begun > 0.2
    assert texts(got) == [str(percent) for percent in range(2, 8)]
    assert [json.loads(m.data)["percent"] for m in got if m.event == "progress"] == [7]
    assert [int(m.id) for m in got] == sorted(int(m.id) for m in got)
    await stream.aclose()


async def test_what_nobody_watches_any_more_is_forgotten(
    hub: Hub, valkey: Valkey, log: Log, job: str
) -> None:
    log.append(job, state(job, "running"), attempt=1)
    streams = [await live(hub, Subscription([job])) for _ in range(3)]

    def watched(client: redis.Redis) -> bool:
        [(_, connections)] = client.pubsub_numsub(keys.live(job))
        return bool(connections == 1)

    with valkey.client() as client:
        assert watched(client)
        for stream in streams:
            await stream.aclose()
        await until(lambda: not watched(client))
    assert not [*hub._rooms.channels, *hub._behind.first(9), *hub.readers, *hub._accounts._held]


async def test_a_job_that_others_watch_stays_when_one_leaves(hub: Hub, log: Log, job: str) -> None:
    other = f"{job}-other"
    for name in (job, other):
        log.append(name, state(name, "running"), attempt=1)
    both, one = (
        await live(hub, Subscription([job, other])),
        await live(hub, Subscription([job])),
    )
    await both.aclose()
    assert set(hub._rooms.channels) == {keys.live(job)}
    hub._rooms.on_message(keys.live(other), b"0 1 log\nnobody hears it")
    hub._rooms.leave(Subscription([job]))
    say(log, job, "still here")
    assert texts(await collect(one, "still here")) == ["still here"]


async def test_viewers_cost_no_connections(hub: Hub, valkey: Valkey, log: Log, job: str) -> None:
    log.append(job, state(job, "running"), attempt=1)
    with valkey.client() as client:
        before = client.info("clients")["connected_clients"]
        streams = [await live(hub, Subscription([job])) for _ in range(50)]
        assert client.info("clients")["connected_clients"] <= before + 2
    for stream in streams:
        await stream.aclose()


def test_the_wait_before_coming_back_differs_from_stream_to_stream() -> None:
    waits = {opening(Subscription([])) for _ in range(20)}
    assert len(waits) > 10

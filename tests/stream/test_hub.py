"""The hub on a real Valkey: what viewers get through drops, restarts, flushes and slow reading."""

import asyncio
import json
import random
import threading
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from contextlib import aclosing
from typing import Any

import pytest
import redis

from progress.stream import Event, Hub, Limits, Log, Subscription, keys
from progress.stream.hub import opening
from progress.stream.sse import Decoder, Message
from progress.stream.wire import AsgiWire
from tests.stream.conftest import progress, state
from tests.support.stack import Valkey

Stream = AsyncGenerator[bytes, None]


class Database:
    """What the hub asks for when Redis does not know."""

    def __init__(self) -> None:
        self.jobs: dict[str, dict[str, Any]] = {}
        self.feeds: dict[str, list[str]] = {}
        self.down = 0
        self.asked = False
        self.slow = asyncio.Event()
        self.slow.set()

    async def recover(self, jobs: Sequence[str]) -> Mapping[str, Mapping[str, Any]]:
        if self.down:
            self.down -= 1
            raise OSError("the database is away")
        return {job: self.jobs[job] for job in jobs if job in self.jobs}

    async def members(self, feed: str, number: int) -> Sequence[str]:
        del number
        self.asked = True
        if self.down:
            self.down -= 1
            raise OSError("the database is away")
        await self.slow.wait()
        return self.feeds.get(feed, [])


@pytest.fixture
def database() -> Database:
    return Database()


MakeHub = Callable[..., Hub]


@pytest.fixture
async def make_hub(valkey: Valkey, database: Database) -> AsyncIterator[MakeHub]:
    opened: list[Hub] = []

    def make(**limits: Any) -> Hub:
        opened.append(Hub(valkey.url, database.recover, database.members, Limits(**limits)))
        return opened[-1]

    yield make
    for hub in opened:
        await hub.close()


@pytest.fixture
def hub(make_hub: MakeHub) -> Hub:
    return make_hub()


async def collect(stream: Stream, until: str, decoder: Decoder | None = None) -> list[Message]:
    """The messages of a stream up to and including the first whose data contains `until`."""
    got, decoder = [], decoder or Decoder()
    async with asyncio.timeout(10), aclosing(stream) as pieces:
        async for piece in pieces:
            for message in decoder.feed(piece):
                got.append(message)
                if until in message.data:
                    return got
    return got


async def until(condition: Callable[[], object]) -> None:
    """Polls: what is awaited here happens in Redis or inside the hub, which tell nobody."""
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 - see above
            await asyncio.sleep(0.005)


async def live(hub: Hub, reader: Subscription) -> Stream:
    """A stream of `reader` that is live; what it has been given so far is still to be read."""
    stream = hub.stream(reader)
    await anext(stream)
    await until(lambda: not reader.lagging)
    return stream


def say(log: Log, job: str, text: object, attempt: int = 1) -> int:
    event = Event("log", {"job": job, "text": str(text)})
    return log.append(job, event, attempt=attempt).number


def texts(messages: list[Message]) -> list[str]:
    return [json.loads(message.data)["text"] for message in messages if message.event == "log"]


async def test_a_stream_begins_with_a_snapshot_and_goes_on_live(
    hub: Hub, log: Log, job: str
) -> None:
    log.append(job, state(job, "running"), attempt=1)
    log.append(job, progress(job, 40), attempt=1)
    stream = hub.stream(Subscription([job]))
    first = await anext(stream)
    assert first.startswith(b"retry: ")
    assert first.endswith(b"\nid: 0\n\n")
    decoder = Decoder("0")
    [snapshot] = decoder.feed(await anext(stream))
    assert (snapshot.event, json.loads(snapshot.data)["percent"]) == ("snapshot", 40)
    number = log.append(job, progress(job, 41), attempt=1).number
    [message] = decoder.feed(await anext(stream))
    assert (message.event, message.id) == ("progress", str(number))
    await stream.aclose()


async def test_a_resume_gives_exactly_what_was_missed(hub: Hub, log: Log, job: str) -> None:
    log.append(job, state(job, "queued", 0), attempt=0, created=True)
    numbers = [say(log, job, text) for text in range(10)]
    got = await collect(hub.stream(Subscription([job], cursor=numbers[3])), '"9"')
    assert [int(message.id) for message in got] == numbers[4:]


async def test_one_number_resumes_a_stream_of_many_jobs(hub: Hub, log: Log, job: str) -> None:
    jobs = [f"{job}-{number}" for number in range(5)]
    for name in jobs:
        log.append(name, state(name, "queued", 0), attempt=0, created=True)
    numbers = [say(log, random.choice(jobs), text) for text in range(50)]
    got = await collect(hub.stream(Subscription(jobs, cursor=numbers[9])), '"49"')
    assert [int(message.id) for message in got] == numbers[10:]


async def test_more_than_one_read_returns_arrives_in_order(
    hub: Hub, valkey: Valkey, job: str
) -> None:
    roomy = Log(valkey.url, maxlen=5000)
    other = f"{job}-other"
    created = [
        roomy.append(name, state(name, "queued", 0), attempt=0, created=True).number
        for name in (job, other)
    ]
    events = [(seq, Event("log", {"job": job, "text": str(seq)})) for seq in range(1, 2501)]
    roomy.append_all(job, events, attempt=1)
    say(roomy, other, "last")
    got = await collect(hub.stream(Subscription([job, other], cursor=created[1])), "last")
    assert texts(got) == [str(seq) for seq in range(1, 2501)] + ["last"]
    roomy.close()


async def test_a_cursor_before_what_is_kept_gets_resync_and_a_snapshot(
    hub: Hub, valkey: Valkey, log: Log, job: str
) -> None:
    log.append(job, state(job, "queued", 0), attempt=0, created=True)
    first = say(log, job, "first")
    say(log, job, "second")
    say(log, job, "third")
    with valkey.client() as client:
        client.xtrim(keys.log(job), maxlen=1, approximate=False)
    got = await collect(hub.stream(Subscription([job], cursor=first)), "status")
    assert [message.event for message in got] == ["resync", "snapshot"]
    assert json.loads(got[0].data) == {"job": job, "reason": "trimmed"}
    assert got[1].id


async def test_a_cursor_ahead_of_the_end_is_never_silence(hub: Hub, log: Log, job: str) -> None:
    ahead = say(log, job, "x") + 10**9
    log.append(job, state(job, "running"), attempt=1)
    got = await collect(hub.stream(Subscription([job], cursor=ahead)), "status")
    assert json.loads(got[0].data)["reason"] == "unknown"
    assert int(got[1].id) < ahead


async def test_a_cursor_that_is_no_number_gets_resync(hub: Hub, log: Log, job: str) -> None:
    log.append(job, state(job, "running"), attempt=1)
    got = await collect(hub.stream(Subscription([job], reason="unknown")), "status")
    assert [json.loads(message.data).get("reason") for message in got] == ["unknown", None]


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
    log.append(job, state(job, "queued", 0), attempt=0, created=True)
    reader = Subscription([job])
    stream = await live(hub, reader)
    valkey.flush()
    log.append(job, state(job, "running"), attempt=1)
    say(log, job, "after")
    got = await collect(stream, "running")
    assert [message.event for message in got] == ["snapshot", "resync", "snapshot"]
    assert json.loads(got[1].data)["reason"] == "lost"


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
        assert [message.event for message in got] == ["snapshot", "resync", "snapshot"]
    late = await live(hub, Subscription([job]))
    say(log, job, "after", attempt=2)
    assert texts(await collect(late, "after")) == ["after"]


async def test_the_stream_of_a_job_ends_with_done(hub: Hub, log: Log, job: str) -> None:
    log.append(job, state(job, "running"), attempt=1)
    stream = await live(hub, Subscription([job], ends=True))
    log.append(job, state(job, "succeeded", final=True), attempt=1)
    got = await collect(stream, "never")
    assert [(m.event, m.data) for m in got][-1] == ("done", "[DONE]")
    assert json.loads(got[-2].data)["status"] == "succeeded"


async def test_the_stream_of_a_job_that_has_ended_says_so_at_once(
    hub: Hub, log: Log, database: Database, job: str
) -> None:
    ended = log.append(job, state(job, "failed", final=True), attempt=1).number
    assert [m.event for m in await collect(hub.stream(Subscription([job], ends=True)), "x")] == [
        "snapshot",
        "done",
    ]
    again = await collect(hub.stream(Subscription([job], ends=True, cursor=ended)), "x")
    assert [message.event for message in again] == ["done"]
    database.jobs["old"] = {"job": "old", "status": "failed", "finished": "2026-01-01"}
    old = await collect(hub.stream(Subscription(["old"], ends=True)), "x")
    assert [message.event for message in old] == ["snapshot", "done"]
    gone = await collect(hub.stream(Subscription(["gone"], ends=True)), "x")
    assert [message.event for message in gone] == ["done"]


async def test_a_retry_of_a_finished_job_keeps_the_stream_open(
    hub: Hub, log: Log, job: str
) -> None:
    ended = log.append(job, state(job, "failed", final=True), attempt=1).number
    log.append(job, state(job, "queued"), attempt=1)
    stream = hub.stream(Subscription([job], ends=True, cursor=ended - 1))
    got = await collect(stream, "queued")
    assert "done" not in [message.event for message in got]


async def test_a_feed_brings_new_jobs_from_their_first_event_on(
    hub: Hub, log: Log, database: Database, job: str
) -> None:
    old = f"{job}-old"
    database.feeds["user:1"] = [old]
    log.append(old, state(old, "running"), attempt=1)
    reader = Subscription([], feed="user:1")
    stream = await live(hub, reader)
    created = log.append(
        job, state(job, "queued", 0), attempt=0, feed="user:1", created=True
    ).number
    say(log, job, "one")
    say(log, old, "two")
    got = await collect(stream, "two")
    assert json.loads(got[0].data)["job"] == old
    assert int(got[1].id) == created
    assert texts(got) == ["one", "two"]


async def test_a_feed_tells_of_each_new_job_however_fast_they_come(
    hub: Hub, log: Log, job: str
) -> None:
    """Also of one that is announced while the log is being read."""
    stream = await live(hub, Subscription([], feed="user:9"))
    names = [f"{job}-{number}" for number in range(60)]

    def start_all() -> None:
        for name in names:
            log.append(name, state(name, "queued", 0), attempt=0, feed="user:9", created=True)

    starting = asyncio.ensure_future(asyncio.to_thread(start_all))
    told: set[str] = set()
    decoder = Decoder()
    async with asyncio.timeout(15):
        while told != set(names):
            told |= {json.loads(m.data)["job"] for m in decoder.feed(await anext(stream))}
    await starting
    await stream.aclose()


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


async def test_a_first_entry_that_comes_too_late_is_left_out(hub: Hub, log: Log, job: str) -> None:
    log.append(job, state(job, "cancelled", 0, final=True), attempt=0)
    log.append(job, state(job, "queued", 0), attempt=0, created=True)
    got = await collect(hub.stream(Subscription([job], ends=True)), "never")
    assert [json.loads(got[0].data)["status"], got[1].event] == ["cancelled", "done"]


async def test_a_job_of_a_feed_that_began_while_the_reader_was_away_is_given_whole(
    hub: Hub, log: Log, database: Database, job: str
) -> None:
    cursor = say(log, f"{job}-other", "before")
    log.append(job, state(job, "queued", 0), attempt=0, feed="user:2", created=True)
    say(log, job, "one")
    database.feeds["user:2"] = [job]
    got = await collect(hub.stream(Subscription([], cursor=cursor, feed="user:2")), "one")
    assert [message.event for message in got] == ["state", "log"]


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


async def test_a_hung_redis_is_noticed_and_left(
    make_hub: MakeHub, valkey: Valkey, log: Log, job: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("progress.stream.channels.SILENCE", 0.2)
    log.append(job, state(job, "running"), attempt=1)
    hub = make_hub(keepalive=0.1)
    stream = hub.stream(Subscription([job]))
    await collect_one(stream, b"snapshot")
    losses = threading.Event()
    monkeypatch.setattr(hub._channels, "_on_loss", losses.set)
    valkey.pause()
    try:
        async with asyncio.timeout(5):
            while not losses.is_set():
                assert await anext(stream) == b": keepalive\n\n"
    finally:
        valkey.resume()
    await stream.aclose()


async def collect_one(stream: Stream, part: bytes) -> bytes:
    async with asyncio.timeout(10):
        while part not in (piece := await anext(stream)):
            pass
    return piece


async def test_a_stream_stays_alive_without_redis_and_catches_up_afterwards(
    make_hub: MakeHub, valkey: Valkey, log: Log, job: str
) -> None:
    log.append(job, state(job, "running"), attempt=1)
    stream = make_hub(keepalive=0.1).stream(Subscription([job], heartbeat=True))
    valkey.stop()
    try:
        assert (await anext(stream)).startswith(b"retry")
        for _ in range(3):
            assert await anext(stream) == b"event: heartbeat\ndata: {}\n\n"
    finally:
        valkey.start()
    log.append(job, state(job, "running"), attempt=1)
    assert b"snapshot" in await collect_one(stream, b"snapshot")
    await stream.aclose()


async def test_a_reader_that_falls_behind_reads_the_log_instead(
    make_hub: MakeHub, log: Log, job: str
) -> None:
    log.append(job, state(job, "queued", 0), attempt=0, created=True)
    reader = Subscription([job])
    stream = await live(make_hub(buffer=2000, tick=0.001), reader)
    for text in range(90):
        say(log, job, text)
        await asyncio.sleep(0.002)
    await until(lambda: reader.blocked)
    assert len(await anext(stream)) <= 2000
    got = await collect(stream, '"89"')
    assert texts(got) == [str(text) for text in range(90)][-len(got) :]


async def test_the_jobs_of_a_feed_are_asked_for_until_the_database_answers(
    hub: Hub, log: Log, database: Database, job: str
) -> None:
    log.append(job, state(job, "running"), attempt=1)
    database.feeds["user:3"] = [job]
    database.down = 2
    got = await collect(hub.stream(Subscription([], feed="user:3")), "running")
    assert [message.event for message in got] == ["snapshot"]
    assert not database.down


async def test_who_left_while_its_jobs_were_looked_up_is_not_kept(
    hub: Hub, log: Log, database: Database, job: str
) -> None:
    database.feeds["user:4"] = [job]
    log.append(job, state(job, "running"), attempt=1)
    database.slow.clear()
    stream = hub.stream(Subscription([], feed="user:4"))
    await anext(stream)
    await until(lambda: database.asked)
    await stream.aclose()
    database.slow.set()
    assert "snapshot" in [
        message.event for message in await collect(hub.stream(Subscription([job])), "running")
    ]
    assert not [*hub._rooms.channels, *hub._open]


async def test_who_never_reads_is_given_up_when_the_stream_is_old(
    make_hub: MakeHub, log: Log, job: str
) -> None:
    log.append(job, state(job, "queued", 0), attempt=0, created=True)
    hub, reader, gone = make_hub(max_age=0.3, keepalive=0.4), Subscription([job]), asyncio.Event()

    async def send(message: Mapping[str, Any]) -> None:
        del message
        await asyncio.get_running_loop().create_future()

    hub.attach(reader, AsgiWire(send, gone.set))
    assert not reader.wire.write(b"more")
    await asyncio.wait_for(gone.wait(), 5)
    assert reader.ended
    assert not hub._open


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
    assert pieces[-1].split(b"\n\n")[-2].startswith(b"retry: ")


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
    got = await collect(stream, '"status"')
    assert json.loads(got[0].data) == {"job": job, "reason": "lost"}
    assert int(got[1].id) > lost


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
    assert max(map(len, pieces)) < 520_000
    assert 600_000 < sum(map(len, pieces)) < 1_000_000


async def test_a_feed_without_jobs_has_a_place_to_come_back_to(
    hub: Hub, log: Log, job: str
) -> None:
    number = say(log, job, "somebody else's")
    stream = hub.stream(Subscription([], feed="user:5"))
    decoder = Decoder()
    async with asyncio.timeout(10):
        while decoder.last_id in ("", "0"):
            list(decoder.feed(await anext(stream)))
    assert int(decoder.last_id) >= number
    await stream.aclose()


async def test_a_reader_that_makes_a_round_fail_does_not_keep_others_waiting(
    make_hub: MakeHub, log: Log, database: Database, job: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    log.append(job, state(job, "running"), attempt=1)
    monkeypatch.setattr("progress.stream.hub.ROUND", 2)
    hub = make_hub()
    poison = [hub.stream(Subscription([], feed="poison")) for _ in range(2)]
    members = database.members

    async def fail_for_some(feed: str, number: int) -> Sequence[str]:
        if feed == "poison":
            raise OSError("a poisoned look-up")
        return await members(feed, number)

    monkeypatch.setattr(hub, "_members", fail_for_some)
    for stream in poison:
        await anext(stream)
    got = await collect(hub.stream(Subscription([job])), "running")
    assert [message.event for message in got] == ["snapshot"]
    for stream in poison:
        await stream.aclose()


async def test_a_stream_ends_when_it_is_old(make_hub: MakeHub, log: Log, job: str) -> None:
    log.append(job, state(job, "running"), attempt=1)
    hub = make_hub(max_age=0.2, keepalive=0.4)
    async with asyncio.timeout(5):
        pieces = [piece async for piece in hub.stream(Subscription([job]))]
    assert b"snapshot" in b"".join(pieces)
    assert pieces[-1].startswith(b"retry: ")


async def test_a_stream_ends_when_it_is_large(make_hub: MakeHub, log: Log, job: str) -> None:
    log.append(job, state(job, "running"), attempt=1)
    stream = await live(make_hub(max_bytes=300, keepalive=0.4), Subscription([job]))
    for text in range(10):
        say(log, job, text)
    got = await collect(stream, "never")
    assert texts(got) == [str(text) for text in range(10)]


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
    assert not hub._held


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
    assert not [*hub._rooms.channels, *hub._behind, *hub._open, *hub._held]


async def test_viewers_cost_no_connections(hub: Hub, valkey: Valkey, log: Log, job: str) -> None:
    log.append(job, state(job, "running"), attempt=1)
    with valkey.client() as client:
        before = client.info("clients")["connected_clients"]
        streams = [await live(hub, Subscription([job])) for _ in range(50)]
        assert client.info("clients")["connected_clients"] <= before + 2
    for stream in streams:
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
    async with asyncio.timeout(20):
        for got in await asyncio.gather(*viewers):
            assert [int(message.id) for message in got if message.event == "log"] == numbers


def test_the_wait_before_coming_back_differs_from_stream_to_stream() -> None:
    waits = {opening(Subscription([])) for _ in range(20)}
    assert len(waits) > 10

"""Streams of all of an owner's jobs."""

import asyncio
import json
from collections.abc import Collection

import pytest

from headway.stream import Hub, Log, Subscription, keys
from headway.stream.sse import Decoder
from tests.stream.conftest import state
from tests.stream.streams import (
    Database,
    collect,
    live,
    say,
    texts,
    until,
)
from tests.support.patience import PATIENCE
from tests.support.stack import Valkey


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
    assert int(got[2].id) == created
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
    async with asyncio.timeout(PATIENCE):
        while told != set(names):
            told |= {json.loads(m.data)["job"] for m in decoder.feed(await anext(stream))}
    await starting
    await stream.aclose()


async def test_a_job_of_a_feed_that_began_while_the_reader_was_away_is_given_whole(
    hub: Hub, log: Log, database: Database, job: str
) -> None:
    cursor = say(log, f"{job}-other", "before")
    log.append(job, state(job, "queued", 0), attempt=0, feed="user:2", created=True)
    say(log, job, "one")
    database.feeds["user:2"] = [job]
    got = await collect(hub.stream(Subscription([], cursor=cursor, feed="user:2")), "one")
    assert [message.event for message in got] == ["state", "log"]


async def test_the_jobs_of_a_feed_are_asked_for_until_the_database_answers(
    hub: Hub, log: Log, database: Database, job: str
) -> None:
    log.append(job, state(job, "running"), attempt=1)
    database.feeds["user:3"] = [job]
    database.down = 2
    got = await collect(hub.stream(Subscription([], feed="user:3")), "running")
    assert [message.event for message in got] == ["snapshot"]
    assert not database.down


async def test_a_job_whose_start_was_lost_while_the_database_was_asked_is_given_whole(
    hub: Hub, log: Log, valkey: Valkey, job: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    cursor = say(log, f"{job}-other", "before")
    asked, answer = asyncio.Event(), asyncio.Event()

    async def members(wanted: Collection[tuple[str, int]]) -> dict[tuple[str, int], list[str]]:
        found = [job] if asked.is_set() else []
        asked.set()
        await answer.wait()
        return dict.fromkeys(wanted, found)

    monkeypatch.setattr(hub, "_members", members)
    stream = hub.stream(Subscription([], cursor=cursor, feed="user:9"))
    await anext(stream)
    await asked.wait()
    with valkey.client() as client:
        client.client_kill_filter(_type="pubsub")
    await until(lambda: hub.tally()["losses", ""])
    log.append(job, state(job, "queued", 0), attempt=0, feed="user:9", created=True)
    say(log, job, "one")
    answer.set()
    got = await collect(stream, "one")
    assert [message.event for message in got] == ["state", "log"]


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
    assert not [*hub._rooms.channels, *hub.readers]


async def test_a_job_that_began_before_the_cursor_is_told_by_a_snapshot(
    hub: Hub, log: Log, job: str
) -> None:
    """Its announcement came after a read that had moved the cursor on."""
    log.append(job, state(job, "running"), attempt=1)
    reader = Subscription([], feed="user:6")
    stream = await live(hub, reader)
    hub._rooms.on_message(keys.feed("user:6"), f"{job} {reader.cursor}".encode())
    got = await collect(stream, "running")
    assert [message.event for message in got] == ["resync", "snapshot"]


async def test_a_feed_without_jobs_has_a_place_to_come_back_to(
    hub: Hub, log: Log, job: str
) -> None:
    number = say(log, job, "somebody else's")
    stream = hub.stream(Subscription([], feed="user:5"))
    decoder = Decoder()
    async with asyncio.timeout(PATIENCE):
        while decoder.last_id in ("", "0"):
            list(decoder.feed(await anext(stream)))
    assert int(decoder.last_id) >= number
    await stream.aclose()


async def test_of_an_ended_job_that_redis_does_not_know_a_reader_is_told_once(
    hub: Hub, log: Log, database: Database, job: str
) -> None:
    """And again when something has happened to it since. A feed is caught up with each new job."""
    ended = {"job": f"{job}-ended", "status": "failed", "finished": "2026-11-23T06:00:00+00:00"}
    gone = f"{job}-gone"
    database.jobs[ended["job"]] = ended
    database.feeds["user:7"] = [ended["job"], gone]
    reader = Subscription([], feed="user:7", cursor=say(log, f"{job}-other", "before"))
    stream = await live(hub, reader)
    decoder = Decoder()

    async def told_until(text: str) -> list[str]:
        got: list[str] = []
        async with asyncio.timeout(PATIENCE):
            while text not in "".join(got):
                got += [message.data for message in decoder.feed(await anext(stream))]
        return [data for data in got if ended["job"] in data or gone in data]

    def start(name: str) -> None:
        log.append(name, state(name, "queued", 0), attempt=0, feed="user:7", created=True)

    start(f"{job}-1")
    assert len(await told_until(f"{job}-1")) == 4  # `resync` of both, what the one shows
    start(f"{job}-2")
    assert not await told_until(f"{job}-2")
    database.jobs[ended["job"]] = {**ended, "finished": "2026-11-23T07:00:00+00:00"}
    start(f"{job}-3")
    resync, snapshot, _ = await told_until(f"{job}-3")
    assert '"reason":"lost"' in resync
    assert "T07:00" in snapshot
    await stream.aclose()

"""What a hub reads of the log before its readers may be live, on a real Valkey."""

import json

import pytest

from headway.stream import Hub, Log, Subscription, history
from headway.stream.sse import Decoder
from headway.stream.subscription import Phase
from tests.stream.conftest import state
from tests.stream.streams import Database, MakeHub, collect, live, say, until


@pytest.fixture
async def running(hub: Hub, log: Log, job: str) -> Hub:
    """With a reader of another job, so that it is connected."""
    other = f"{job}-other"
    log.append(other, state(other, "queued", 0), attempt=0, created=True)
    log.append(job, state(job, "queued", 0), attempt=0, created=True)
    await live(hub, Subscription([other]))
    return hub


def asked(hub: Hub, job: str, cursor: int) -> bool:
    return hub._reads.has_begun(history.commands([(job, cursor)]))


async def test_what_was_read_ahead_is_given_and_what_came_since_is_not_lost(
    running: Hub, log: Log, job: str
) -> None:
    numbers = [say(log, job, text) for text in range(6)]
    reader = Subscription([job], cursor=numbers[1])
    running.look_ahead(reader)
    assert asked(running, job, numbers[1])
    (answer,) = running._reads._asked
    await answer
    later = [say(log, job, text) for text in ("before it came", "last")]
    got = await collect(running.stream(reader), "last")
    assert [int(message.id) for message in got] == numbers[2:] + later


async def test_another_read_in_between_makes_it_worthless(running: Hub, log: Log, job: str) -> None:
    numbers = [say(log, job, text) for text in range(6)]
    running.look_ahead(Subscription([job], cursor=numbers[1]))
    got = await collect(running.stream(Subscription([job], cursor=numbers[3])), '"5"')
    assert [int(message.id) for message in got] == numbers[4:]
    assert not asked(running, job, numbers[1])
    got = await collect(running.stream(Subscription([job], cursor=numbers[1])), '"5"')
    assert [int(message.id) for message in got] == numbers[2:]


async def test_nothing_is_read_ahead_that_a_reader_may_not_be_given(
    running: Hub, log: Log, job: str
) -> None:
    """Nor twice: of a job that is watched, live messages may be further."""
    number = say(log, job, "first")
    for reader in (Subscription([job]), Subscription([], feed="user:1", cursor=number)):
        running.look_ahead(reader)
        assert running._reads._begun is None
    watching = await live(running, Subscription([job]))
    running.look_ahead(Subscription([job], cursor=number))
    assert not asked(running, job, number)
    await watching.aclose()


async def test_over_a_limit_nothing_is_read_ahead(make_hub: MakeHub, log: Log, job: str) -> None:
    hub = make_hub(max_streams=1)
    number = say(log, job, "first")
    first = await live(hub, Subscription([f"{job}-other"]))
    hub.look_ahead(Subscription([job], cursor=number))
    assert not asked(hub, job, number)
    await first.aclose()


async def test_the_connection_is_lost_meanwhile(running: Hub, log: Log, job: str) -> None:
    numbers = [say(log, job, text) for text in range(6)]
    reader = Subscription([job], cursor=numbers[1])
    running.look_ahead(reader)
    running._reads._listener._transport.abort()
    got = await collect(running.stream(reader), '"5"')
    assert [int(message.id) for message in got] == numbers[2:]


@pytest.mark.parametrize(("cursor", "due"), [(None, ["snapshot"]), (7, ["resync", "snapshot"])])
async def test_a_job_that_redis_does_not_know_is_told_of_once(
    running: Hub, database: Database, job: str, cursor: int | None, due: list[str]
) -> None:
    """Its snapshot would be due before its channel is confirmed, and after that once more."""
    name = f"{job}-elsewhere"
    database.jobs[name] = {"job": name, "status": "running", "percent": 5, "finished": False}
    reader = Subscription([name], cursor=cursor)
    running.look_ahead(reader)
    running._channels._listener._transport.pause_reading()
    decoder, stream = Decoder(), running.stream(reader)
    got = [*decoder.feed(await anext(stream))]
    await until(lambda: running._channels.unconfirmed)
    running._channels._listener._transport.resume_reading()
    await until(lambda: reader.phase is Phase.LIVE)
    while not any(message.event == "progress" for message in got):
        got += decoder.feed(await anext(stream))
    await stream.aclose()
    assert [each.event for each in got if each.event in ("resync", "snapshot")] == due
    assert json.loads(got[-1].data)["percent"] == 5

"""Redis comes back with an older state: it has loaded an older file, or a replica took over that
had not heard of the last writes. Some have read what is gone, others never will."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator

import pytest

from headway.stream import Event, Hub, Log, Subscription
from tests.stream.conftest import state
from tests.stream.streams import Database, collect, live, texts, until
from tests.support.proxy import Proxy
from tests.support.redis_server import RedisServer


class Pair:
    """A primary behind an address, and a replica that may take it over."""

    def __init__(self) -> None:
        self.primary, self.replica = RedisServer(), RedisServer()
        self.primary.start()
        self.proxy = Proxy(self.primary.port, unavailable=b"")
        self.url = f"redis://127.0.0.1:{self.proxy.port}/0"

    def note(self) -> None:
        """Remembers how things are now."""
        self.primary.save()
        if not self.replica.running:
            self.replica.start()
        self.replica.follow(self.primary)
        self.replica.lead()

    def restart(self) -> None:
        """The primary dies and comes back as it was."""
        self.primary.kill()
        self.primary.start()

    def fail_over(self) -> None:
        """The primary dies and the replica takes its address."""
        self.primary.kill()
        self.proxy.target = self.replica.port
        self.proxy.drop()

    def lose_sight(self) -> None:
        """The replica takes the address; the primary lives on for all that are connected to it."""
        self.proxy.target = self.replica.port

    def heal(self) -> None:
        """It hears that it was replaced, and sends everybody away."""
        self.proxy.drop()

    def send_readers_away(self) -> None:
        """The same, while live messages still come from it."""
        with self.primary.client() as client:
            client.client_kill_filter(_type="normal", skipme=True)

    def close(self) -> None:
        self.proxy.close()
        self.primary.close()
        self.replica.close()


@pytest.fixture
def pair() -> Iterator[Pair]:
    pair = Pair()
    yield pair
    pair.close()


@pytest.fixture
def log(pair: Pair) -> Iterator[Log]:
    opened = Log(pair.url)
    yield opened
    opened.close()


@pytest.fixture
async def hub(pair: Pair, database: Database) -> AsyncIterator[Hub]:
    opened = Hub(pair.url, database.recover, database.members)
    yield opened
    await opened.close()


def say(log: Log, job: str, text: str) -> int:
    return log.append(job, Event("log", {"job": job, "text": text}), attempt=1).number


@pytest.mark.parametrize("fault", [Pair.restart, Pair.fail_over])
async def test_who_missed_what_a_rollback_took_is_told(
    fault: Callable[[Pair], None], pair: Pair, hub: Hub, log: Log, job: str
) -> None:
    log.append(job, state(job, "running"), attempt=1, created=True)
    cursor = say(log, job, "one")
    pair.note()
    say(log, job, "lost")
    fault(pair)
    log.append(job, state(job, "succeeded", final=True), attempt=1)
    for number in (0, cursor):
        got = await collect(hub.stream(Subscription([job], cursor=number)), "succeeded")
        assert [message.event for message in got] == ["resync", "snapshot"]


async def test_a_restart_is_told_once_and_only_of_jobs_that_go_on(
    pair: Pair, hub: Hub, log: Log, job: str
) -> None:
    over = f"{job}-over"
    for name in (job, over):
        log.append(name, state(name, "running"), attempt=1, created=True)
        say(log, name, "one")
    log.append(over, state(over, "succeeded", final=True), attempt=1)
    pair.note()
    pair.restart()
    cursor = say(log, job, "two")
    say(log, job, "three")
    stream = await live(hub, Subscription([job], cursor=cursor))
    say(log, job, "four")
    assert texts(await collect(stream, "four")) == ["three", "four"]
    got = await collect(hub.stream(Subscription([over], cursor=0)), "succeeded")
    assert [message.event for message in got] == ["state", "log", "state"]


async def test_a_writer_that_comes_after_all_was_emptied_makes_nobody_read_again(
    pair: Pair, hub: Hub, log: Log, job: str
) -> None:
    say(log, "another", "over a connection that was made before")
    pair.primary.flush()
    log.append(job, state(job, "queued", 0), attempt=0, created=True)
    stream = await live(hub, Subscription([job], cursor=0, ends=True))
    late = Log(pair.url)
    late.append(job, state(job, "cancelled", final=True), attempt=1)
    late.close()
    got = await collect(stream, "[DONE]")
    assert [message.event for message in got] == ["state", "state", "done"]


@pytest.mark.parametrize("end", [Pair.heal, Pair.send_readers_away])
async def test_who_was_told_by_a_replaced_primary_is_told_what_the_new_one_knows(
    end: Callable[[Pair], None], pair: Pair, hub: Hub, log: Log, job: str
) -> None:
    other = f"{job}-other"
    for name in (job, other):
        log.append(name, state(name, "running"), attempt=1, created=True)
    pair.note()
    reader = Subscription([job, other], cursor=0)
    stream = await live(hub, reader)
    pair.lose_sight()
    elsewhere = Log(pair.url)
    elsewhere.append(job, state(job, "succeeded", final=True), attempt=1)
    later = say(log, other, "of the old one")
    await until(lambda: reader.cursor == later)
    say(elsewhere, f"{job}-third", "of the new one, which knows of numbers as high")
    end(pair)
    waiting = asyncio.create_task(collect(hub.stream(Subscription([job], cursor=0)), "succeeded"))
    got = await collect(stream, "succeeded")
    assert "resync" in [message.event for message in got]
    assert (await waiting)[-1].event == "snapshot"
    back = await collect(hub.stream(Subscription([job, other], cursor=later)), "succeeded")
    assert "resync" in [message.event for message in back]
    elsewhere.close()


async def test_who_may_have_been_told_by_either_is_told_nothing_twice(
    pair: Pair, hub: Hub, log: Log, job: str
) -> None:
    """A job that began after the new one's history did: no event before it is missing."""
    other, new = f"{job}-other", f"{job}-new"
    log.append(other, state(other, "running"), attempt=1, created=True)
    pair.note()
    reader = Subscription([other], cursor=0)
    stream = await live(hub, reader)
    pair.lose_sight()
    elsewhere = Log(pair.url)
    begun = elsewhere.append(new, state(new, "queued", 0), attempt=0, created=True).number
    later = say(log, other, "of the old one")
    await until(lambda: reader.cursor == later)
    pair.heal()
    elsewhere.append(other, state(other, "cancelling"), attempt=1)
    await collect(stream, "cancelling")
    await collect(hub.stream(Subscription([new], cursor=0)), "queued")
    elsewhere.append(new, state(new, "succeeded", final=True), attempt=1)
    back = await collect(hub.stream(Subscription([new], cursor=begun)), "succeeded")
    assert [message.event for message in back] == ["resync", "snapshot"]
    elsewhere.close()


async def test_a_new_server_that_takes_no_writes_is_read_and_listened_to(
    pair: Pair, hub: Hub, log: Log, job: str
) -> None:
    log.append(job, state(job, "running"), attempt=1, created=True)
    pair.note()
    stream = await live(hub, Subscription([job]))
    pair.replica.set("min-replicas-to-write", 1)
    pair.fail_over()
    got = await collect(hub.stream(Subscription([job])), "running")
    assert [message.event for message in got] == ["snapshot"]
    pair.replica.set("min-replicas-to-write", 0)
    log.append(job, state(job, "succeeded", final=True), attempt=1)
    told = [message.event for message in await collect(stream, "succeeded")]
    assert told[-2:] == ["resync", "snapshot"]


async def test_who_left_a_replaced_primary_before_it_was_known_comes_back_to_what_was_before(
    pair: Pair, hub: Hub, log: Log, job: str
) -> None:
    """Nothing was to be given there: the place to go on from was read by a page."""
    log.append(job, state(job, "running"), attempt=1, created=True)
    pair.note()
    await (await live(hub, Subscription([job]))).aclose()
    pair.lose_sight()
    elsewhere = Log(pair.url)
    elsewhere.append(job, state(job, "succeeded", final=True), attempt=1)
    cursor = say(log, f"{job}-other", "of the old one")
    await (await live(hub, Subscription([job], cursor=cursor))).aclose()
    pair.heal()
    for _ in range(2):
        got = await collect(hub.stream(Subscription([job], cursor=cursor)), "succeeded")
        assert [message.event for message in got] == ["resync", "snapshot"]
        up_to_date = Subscription([job], cursor=elsewhere.read([]).cursor)
        await (await live(hub, up_to_date)).aclose()
        assert not up_to_date.given
        say(elsewhere, f"{job}-third", "of the new one, which knows of numbers as high")
    elsewhere.close()


async def test_a_primary_that_is_replaced_while_the_database_is_asked_is_noticed(
    pair: Pair, hub: Hub, log: Log, database: Database, job: str
) -> None:
    log.append(job, state(job, "running"), attempt=1, created=True)
    pair.note()
    reader = Subscription([job])
    stream = await live(hub, reader)
    database.slow.clear()
    feed = hub.stream(Subscription([job], cursor=0, feed="user:1"))
    await anext(feed)
    await until(lambda: database.asked)
    pair.fail_over()
    await until(lambda: hub.tally()["losses", ""])
    await hub._reads.drop()  # else reading fails first, or not
    elsewhere = Log(pair.url)
    elsewhere.append(job, state(job, "succeeded", final=True), attempt=1)
    database.slow.set()
    for each in (stream, feed):
        assert "resync" in [message.event for message in await collect(each, "succeeded")]
    assert hub.tally()["losses", ""] == 1
    elsewhere.close()

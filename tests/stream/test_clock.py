"""What streams are told by the clock: signs of life, that the log is away, and that it is over."""

import asyncio
import threading
from collections.abc import AsyncIterator, Collection, Hashable, Mapping

import pytest
from asgiref.sync import sync_to_async

from headway.stream import Hub, Limits, Log, Subscription, sse
from headway.stream.notices import SPENT
from headway.stream.subscription import Phase
from tests.stream.conftest import state
from tests.stream.streams import Database, MakeHub, collect_one, live, say, until
from tests.support.patience import PATIENCE
from tests.support.stack import Valkey


class Grants:
    """What the hub asks who may still read."""

    def __init__(self) -> None:
        self.gone: set[Hashable] = set()
        self.asked: list[Hashable] = []
        self.down = self.hangs = False

    async def revoked(self, grants: Collection[Hashable]) -> Collection[Hashable]:
        self.asked += grants
        if self.down:
            raise OSError("the database is away")
        if self.hangs:
            await asyncio.Event().wait()
        return self.gone & set(grants)


@pytest.fixture
def grants() -> Grants:
    return Grants()


@pytest.fixture
async def guarded(valkey: Valkey, database: Database, grants: Grants) -> AsyncIterator[Hub]:
    limits = Limits(recheck=0.05)
    hub = Hub(valkey.url, database.recover, database.members, limits, grants.revoked)
    yield hub
    await hub.close()


async def test_who_may_read_no_more_is_told_and_the_stream_ends(
    guarded: Hub, grants: Grants, log: Log, job: str
) -> None:
    log.append(job, state(job, "running"), attempt=1)
    alices = await live(guarded, Subscription([job], grant="alice"))
    bobs = await live(guarded, Subscription([job], grant="bob"))
    ours = await live(guarded, Subscription([job]))
    grants.gone.add("alice")
    *_, last = [piece async for piece in alices]
    assert last.endswith(sse.AUTH)
    assert len(guarded.readers) == 2
    await until(lambda: set(grants.asked) == {"alice", "bob"})
    say(log, job, "still here")
    for stream in (bobs, ours):
        await collect_one(stream, b"still here")
        await stream.aclose()


async def test_the_database_is_asked_who_may_read_while_it_is_asked_for_jobs(
    valkey: Valkey, database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    """In the one thread that Django's queries share: asgiref must not take it for a deadlock."""
    checks, lets_go = asyncio.Event(), threading.Event()

    async def members(wanted: Collection[tuple[str, int]]) -> Mapping[tuple[str, int], list[str]]:
        await sync_to_async(lets_go.wait)(PATIENCE)
        return {each: [] for each in wanted}

    async def revoked(grants: Collection[Hashable]) -> Collection[Hashable]:
        asking = asyncio.ensure_future(sync_to_async(bool)())
        await asyncio.sleep(0)  # until it waits for the thread, or is refused
        lets_go.set()
        await asking
        checks.set()
        return ()

    hub = Hub(valkey.url, database.recover, members, Limits(recheck=0.05), revoked)
    stream = await live(hub, Subscription([], feed="user:1", grant="alice"))
    await asyncio.wait_for(checks.wait(), PATIENCE)
    assert "deadlock" not in caplog.text
    await stream.aclose()
    await hub.close()


async def test_a_check_that_fails_once_is_made_again(
    valkey: Valkey, database: Database, grants: Grants, log: Log, job: str
) -> None:
    log.append(job, state(job, "running"), attempt=1)
    limits = Limits(recheck=8)  # looked at every second, from the seventh on
    hub = Hub(valkey.url, database.recover, database.members, limits, grants.revoked)
    stream = await live(hub, Subscription([job], grant="alice"))
    grants.down = True
    await until(lambda: len(grants.asked) > 2)
    say(log, job, "still here")
    await collect_one(stream, b"still here")
    grants.down, grants.gone = False, {"alice"}
    await collect_one(stream, b"event: auth")
    await hub.close()


@pytest.mark.parametrize("fault", ["down", "hangs"])
async def test_a_stream_of_which_nobody_can_tell_who_may_read_it_ends_to_be_resumed(
    fault: str, guarded: Hub, grants: Grants, log: Log, job: str
) -> None:
    log.append(job, state(job, "running"), attempt=1)
    stream = await live(guarded, Subscription([job], grant="alice"))
    ours = await live(guarded, Subscription([job]))
    setattr(grants, fault, True)
    *_, last = [piece async for piece in stream]
    assert last.startswith(SPENT + b"retry: ")
    assert b"auth" not in last
    say(log, job, "still here")
    await collect_one(ours, b"still here")
    await ours.aclose()


async def test_a_stream_ends_to_be_resumed_when_its_grant_must_be_shown_again(
    make_hub: MakeHub, log: Log, job: str
) -> None:
    log.append(job, state(job, "running"), attempt=1)
    stream = await live(make_hub(), Subscription([job], lasts=1))
    *_, last = [piece async for piece in stream]
    assert last.startswith(SPENT + b"retry: ")


async def test_whose_stream_lives_by_events_is_told_at_once_that_the_log_is_away_and_back(
    make_hub: MakeHub, valkey: Valkey, log: Log, job: str
) -> None:
    log.append(job, state(job, "running"), attempt=1)
    hub = make_hub(keepalive=2)
    stream = await live(hub, Subscription([job], heartbeat=True))
    valkey.stop()
    try:
        await collect_one(stream, b'{"stale":true}')
        newcomer = hub.stream(Subscription([job], heartbeat=True))
        await collect_one(newcomer, b'{"stale":true}')
    finally:
        valkey.start()
    await collect_one(stream, b'{"stale":false}')
    await collect_one(newcomer, b'{"stale":false}')
    await stream.aclose()
    await newcomer.aclose()


async def test_a_redis_that_hangs_is_noticed_too(
    make_hub: MakeHub, valkey: Valkey, log: Log, job: str
) -> None:
    log.append(job, state(job, "running"), attempt=1)
    stream = await live(make_hub(keepalive=2), Subscription([job], heartbeat=True))
    valkey.pause()
    try:
        await collect_one(stream, b'{"stale":true}')
    finally:
        valkey.resume()
    await collect_one(stream, b'{"stale":false}')
    await stream.aclose()


async def test_a_hub_that_had_no_stream_when_redis_went_away_knows_that_it_is_back(
    make_hub: MakeHub, valkey: Valkey, log: Log, job: str
) -> None:
    hub = make_hub(keepalive=0.2)
    await (await live(hub, Subscription([job]))).aclose()
    valkey.stop()
    await until(lambda: hub._housekeeper.stale)
    valkey.start()
    await until(lambda: not hub._housekeeper.stale)


async def test_a_reader_may_ask_for_signs_of_life_sooner_within_bounds(
    make_hub: MakeHub, log: Log, job: str
) -> None:
    log.append(job, state(job, "running"), attempt=1)
    hub = make_hub(keepalive=60)
    slow = await live(hub, Subscription([job], heartbeat=True))
    quick = await live(hub, Subscription([job], heartbeat=True, period=0.001))
    begun = asyncio.get_running_loop().time()
    for _ in range(4):
        await collect_one(quick, b"event: heartbeat")
    assert asyncio.get_running_loop().time() - begun > 1.5
    assert b"heartbeat" not in await anext(slow)  # all that came since its opening
    await slow.aclose()
    await quick.aclose()


async def test_a_long_poll_ends_after_its_first_frames(hub: Hub, log: Log, job: str) -> None:
    log.append(job, state(job, "running"), attempt=1)
    pieces = [piece async for piece in hub.stream(Subscription([job], waits=20))]
    assert b"event: snapshot" in pieces[-1]
    waiting = hub.stream(Subscription([job], cursor=say(log, job, "old"), waits=20))
    await anext(waiting)
    await until(lambda: all(reader.phase is Phase.LIVE for reader in hub.readers))
    say(log, job, "new")
    rest = b"".join([piece async for piece in waiting])
    assert b"new" in rest
    assert b"old" not in rest


async def test_a_long_poll_in_which_nothing_happens_ends_with_a_sign_of_life(
    make_hub: MakeHub, log: Log, job: str
) -> None:
    log.append(job, state(job, "running"), attempt=1)
    cursor = say(log, job, "old")
    hub = make_hub(keepalive=1)
    async with asyncio.timeout(PATIENCE):
        reader = Subscription([job], cursor=cursor, waits=0.3, heartbeat=True)
        got = b"".join([piece async for piece in hub.stream(reader)])
    assert got.count(b"event: heartbeat") == 2
    assert got.count(b"retry: ") == 2

"""Reads of the log over the hub's own connection to a real Valkey."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import redis

from headway.stream import Log, history, keys, redis_clients
from headway.stream.transactions import Transactions
from tests.stream.conftest import state
from tests.stream.streams import say
from tests.support.patience import PATIENCE
from tests.support.stack import Valkey


@pytest.fixture(params=[2, 3], ids=["RESP2", "RESP3"])
async def reads(request: pytest.FixtureRequest, valkey: Valkey) -> AsyncIterator[Transactions]:
    opened = Transactions(redis_clients.async_client(valkey.url, protocol=request.param))
    yield opened
    await opened.close()


async def test_a_log_is_what_the_other_side_reads(
    reads: Transactions, log: Log, valkey: Valkey, job: str
) -> None:
    log.append(job, state(job, "running"), attempt=1, created=True)
    numbers = [say(log, job, str(text)) for text in range(50)]
    with valkey.client() as client:
        client.xadd(keys.log(job), {"p": numbers[-1], "f": "?", "v": 2}, f"{numbers[-1] + 1}-0")
    wanted = [(job, numbers[9]), (job, history.NOWHERE), ("of nobody", 0)]
    found = history.parse(wanted, await reads.run(history.commands(wanted)))
    known = log.read_after(wanted)
    for place in wanted:
        ours, theirs = found.tails[place], known.tails[place]
        assert (ours.snapshot, ours.first_prev) == (theirs.snapshot, theirs.first_prev)
        assert [*map(str, ours.entries)] == [*map(str, theirs.entries)]
    assert len(found.tails[wanted[0]].entries) == 41
    assert (found.last, found.epoch) == (known.last, known.epoch)


async def test_after_an_error_the_next_answer_is_right(reads: Transactions, job: str) -> None:
    for wrong in (("HGETALL",), ("INCR", job, "1"), ("NONSENSE",)):
        with pytest.raises(redis.ResponseError):
            await reads.run([("PING",), wrong])
        assert await reads.run([("ECHO", job)]) == [job.encode()]
    await reads.run([("SET", job, "no hash")])
    with pytest.raises(redis.ResponseError, match="WRONGTYPE"):
        await reads.run([("PING",), ("HGETALL", job), ("PING",)])
    assert await reads.run([("ECHO", job), ("GET", job)]) == [job.encode(), b"no hash"]


async def test_an_answer_for_which_nobody_waits_any_more_is_not_taken_for_the_next(
    reads: Transactions, job: str
) -> None:
    await reads.run([("SET", job, "x" * 5_000_000)])
    for _ in range(5):
        given_up = asyncio.ensure_future(reads.run([("GET", job)]))
        for _ in range(3):
            await asyncio.sleep(0)
        given_up.cancel()
        with pytest.raises(asyncio.CancelledError):
            await given_up
        assert await reads.run([("ECHO", job)]) == [job.encode()]


async def test_a_connection_that_was_closed_meanwhile_is_made_anew(
    reads: Transactions, valkey: Valkey, job: str
) -> None:
    [number] = await reads.run([("CLIENT", "ID")])
    with valkey.client() as client:
        client.client_kill_filter(_id=number)
    async with asyncio.timeout(PATIENCE):
        await reads._listener.lost
    [another] = await reads.run([("CLIENT", "ID")])
    assert another > number
    under_way = asyncio.ensure_future(reads.run([("PING",)]))
    await asyncio.sleep(0)
    reads._listener._transport.abort()
    with pytest.raises(redis.ConnectionError):
        await under_way

"""A stream counts until its client has taken the last byte of it, or was cut off."""

import asyncio
from functools import partial

from headway.stream import Limits, Subscription
from headway.stream.accounts import Accounts
from headway.stream.wire import Wire, nothing
from tests.stream.streams import until
from tests.support.patience import PATIENCE


class Slow(Wire):
    """The wire of a client that takes nothing until the test says so."""

    taken = cut = False

    def __init__(self) -> None:
        self.ready = nothing

    def write(self, piece: bytes) -> bool:
        return bool(piece)

    def close(self) -> None:
        """Nothing more is sent."""

    def unread(self) -> bool:
        return not self.taken

    def reset(self) -> None:
        self.cut = True


def is_down_to(accounts: Accounts, count: int) -> bool:
    return len(accounts) == count


def begun(accounts: Accounts) -> tuple[Subscription, Slow]:
    reader, wire = Subscription(["job"], holder="eve"), Slow()
    reader.wire = wire
    accounts.enter(reader)
    return reader, wire


async def test_who_leaves_is_forgotten_at_once() -> None:
    accounts = Accounts(Limits(max_held=1))
    reader, _ = begun(accounts)
    assert accounts.is_full("eve")
    accounts.leave(reader)
    assert not accounts.is_full("eve")


async def test_what_has_ended_counts_until_it_is_taken() -> None:
    accounts = Accounts(Limits(max_held=2))
    pairs = [begun(accounts) for _ in range(2)]
    for reader, _ in pairs:
        reader.end()
        accounts.leave(reader)
    assert accounts.is_full("eve")
    for count, (_, wire) in enumerate(pairs, 1):
        wire.taken = True
        await until(partial(is_down_to, accounts, 2 - count))
    assert not any(wire.cut for _, wire in pairs)


async def test_what_is_not_taken_in_time_is_cut_off() -> None:
    accounts = Accounts(Limits(unread=0.1))
    reader, wire = begun(accounts)
    reader.end()
    accounts.leave(reader)
    await until(lambda: not len(accounts))
    assert (wire.cut, accounts.cut_off) == (True, 1)


async def test_at_the_end_of_the_server_there_is_less_time() -> None:
    accounts = Accounts(Limits(unread=1000))
    reader, wire = begun(accounts)
    reader.end()
    accounts.leave(reader)
    await asyncio.wait_for(accounts.settle(0.1), PATIENCE)
    assert (wire.cut, len(accounts)) == (True, 0)
    await asyncio.wait_for(accounts.settle(1000), PATIENCE)


async def test_who_is_refused_counts_for_nobody_and_is_let_go_once_that_is_read() -> None:
    accounts = Accounts(Limits(unread=0.1))
    for taken in (False, True):
        reader, wire = Subscription(["job"], holder="eve"), Slow()
        reader.wire, wire.taken = wire, taken
        reader.end()
        accounts.refuse(reader)
        assert not len(accounts)
        await accounts.settle(PATIENCE)
        assert (wire.cut, accounts.cut_off) == (not taken, 1)

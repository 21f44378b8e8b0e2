"""Readers in step: they are given live frames in one loop over their sockets, and each still gets
all of its own and nothing else, whatever the far ends and the kernel do."""

import asyncio
import errno
import os
from collections.abc import AsyncIterator
from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headway.stream import crowd as crowds
from headway.stream.outlet import unacknowledged
from headway.stream.room import Piece, Room
from headway.stream.sse import DONE
from headway.stream.subscription import CatchUp, Phase, Subscription
from tests.stream.viewers import Crowd, Viewer, chunk

SIZE = 2000


def frame(number: int, size: int = SIZE) -> bytes:
    return f"id: {number:08}\ndata: ".encode().ljust(size - 2, b"x") + b"\n\n"


def together(*readers: Subscription) -> bool:
    """Whether they are in step, all with the same others."""
    steps = {reader.shared for reader in readers}
    return len(steps) == 1 and None not in steps


class Hall:
    """A room, and viewers in it whose readers have everything up to an event."""

    def __init__(self) -> None:
        self.crowd = Crowd()
        self.room = Room(frozenset(["job"]))
        self.number = 10

    def enter(self, **how: object) -> tuple[Viewer, Subscription]:
        viewer = self.crowd.viewer()
        reader = Subscription(["job"], cursor=0, **how)  # type: ignore[arg-type]
        reader.wire, reader.room = viewer.wire, self.room
        self.room.readers.add(reader)
        viewer.wire.ready = partial(self.catch_up, reader, viewer)
        self.catch_up(reader, viewer)
        return viewer, reader

    def catch_up(self, reader: Subscription, viewer: Viewer | None = None) -> None:
        """The log has nothing for it that it has to be given: as if it had been trimmed."""
        if viewer is not None:
            viewer.ready.set()
        reader.unblock()
        reader.begin_reading()
        reader.catch_up(CatchUp([], max(self.number, self.room.sent), reader.jobs))

    def is_live(self, reader: Subscription) -> bool:
        return reader.phase is Phase.LIVE

    def publish(self, size: int = SIZE, *, final: bool = False) -> bytes:
        self.number += 1
        self.room.hear(Piece(self.number, frame(self.number, size), final=final))
        self.room.flush()
        return chunk(frame(self.number, size))

    async def leave(self) -> None:
        await self.crowd.leave()


@pytest.fixture
async def hall() -> AsyncIterator[Hall]:
    made = Hall()
    yield made
    await made.leave()


async def test_all_who_can_are_given_in_one_go_and_keep_one_account(hall: Hall) -> None:
    (one, first), (two, second) = hall.enter(), hall.enter()
    expected = hall.publish()
    assert together(first, second)
    (three, third) = hall.enter()
    expected_by_all = hall.publish()
    assert together(third, first)
    assert await one.read(len(expected + expected_by_all)) == expected + expected_by_all
    assert await two.read(len(expected + expected_by_all)) == expected + expected_by_all
    assert await three.read(len(expected_by_all)) == expected_by_all
    assert [reader.cursor for reader in (first, second, third)] == [12, 12, 12]
    assert [reader.given for reader in (first, second, third)] == [2 * SIZE, 2 * SIZE, SIZE]
    first.step_out()
    assert (first.cursor, first.given) == (12, 2 * SIZE)
    assert hall.publish()
    assert together(first, second), "steps in again"


async def test_one_alone_has_no_need_of_it(hall: Hall) -> None:
    viewer, reader = hall.enter()
    expected = hall.publish()
    assert not together(reader)
    assert await viewer.read(len(expected)) == expected


async def test_one_whose_frames_are_its_own_is_given_alone(hall: Hall) -> None:
    (_, one), (_, two) = hall.enter(), hall.enter()
    less, reader = hall.enter(reduce=lambda frames: frames[:20])
    hall.publish()
    assert together(one, two)
    assert not together(reader)
    assert await less.read(len(chunk(b"x" * 20))) == chunk(frame(11)[:20])


async def test_one_that_has_read_ahead_joins_when_the_others_are_there(hall: Hall) -> None:
    viewers = [hall.enter() for _ in range(2)]
    ahead, reader = hall.enter()
    reader.fall_behind()
    reader.begin_reading()
    reader.catch_up(CatchUp([frame(11)], 11, reader.jobs))
    first = hall.publish()
    assert not together(reader)
    second = hall.publish()
    assert together(reader, viewers[0][1])
    assert await ahead.read(len(first + second)) == first + second


async def test_who_does_not_read_falls_out_and_holds_nobody_up(hall: Hall) -> None:
    (slow, reader), (quick, other) = hall.enter(), hall.enter()
    expected, taken = b"", 0
    while hall.is_live(reader):
        expected += hall.publish()
        await quick.read(len(expected))
        taken += hall.is_live(reader)
    assert reader.phase is Phase.BLOCKED
    assert not together(reader)
    assert together(other)
    assert (reader.cursor, reader.given) == (10 + taken, SIZE * taken)
    whole = len(chunk(frame(1))) * taken
    assert await slow.read(whole) == expected[:whole], "what was taken is sent to its end"
    await asyncio.wait_for(slow.ready.wait(), 30)
    more = hall.publish()
    assert together(reader, other)
    assert await slow.read(whole + len(more)) == expected[:whole] + more
    assert await quick.read(len(expected + more)) == expected + more


@pytest.mark.parametrize("number", [errno.EAGAIN, errno.ENOBUFS])
async def test_one_whose_socket_takes_nothing_is_not_counted(
    hall: Hall, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    (_, first), (two, second), (three, third) = (hall.enter() for _ in range(3))
    begun = hall.publish()
    refusing = two.number

    def write(descriptor: int, data: bytes) -> int:
        if descriptor == refusing:
            raise OSError(number, "as told")
        return os.write(descriptor, data)

    with monkeypatch.context() as patch:
        patch.setattr(crowds, "write", write)
        missed = hall.publish()
    assert (second.cursor, second.given) == (11, SIZE)
    assert second.phase is Phase.BLOCKED
    assert (first.cursor, third.cursor) == (12, 12)
    assert await three.read(len(begun + missed)) == begun + missed


async def test_one_that_has_left_ends_nothing(hall: Hall) -> None:
    (_, first), (two, _), (three, third) = (hall.enter() for _ in range(3))
    begun = hall.publish()
    two.reset()
    more = hall.publish()
    assert two.number < 0
    assert together(first, third)
    assert await three.read(len(begun + more)) == begun + more
    await asyncio.wait_for(two.left.wait(), 30)


async def test_a_number_that_is_used_again_gets_nothing_of_the_room(hall: Hall) -> None:
    (one, first), (two, second) = hall.enter(), hall.enter()
    hall.publish()
    number = two.number
    stranger = hall.crowd.viewer(just_before=two.wire.abandon)
    assert stranger.number == number, "the test did not make the number be used again"
    hall.publish()
    assert not together(second)
    assert together(first)
    assert stranger.wire.write(b"hello")
    assert await stranger.read(10) == chunk(b"hello")
    assert one.number != number


async def test_one_that_has_had_enough_is_given_no_more(hall: Hall) -> None:
    viewers = [hall.enter() for _ in range(3)]
    viewers[1][1].budget = 1.5 * SIZE
    for _ in range(4):
        hall.publish()
    phases = [reader.phase for _, reader in viewers]
    assert phases == [Phase.LIVE, Phase.BEHIND, Phase.LIVE]
    assert [reader.given for _, reader in viewers] == [4 * SIZE, 2 * SIZE, 4 * SIZE]


async def test_the_end_is_told_to_those_whose_stream_ends_with_it(hall: Hall) -> None:
    (ending, reader), (_, stays), (_, other) = hall.enter(ends=True), hall.enter(), hall.enter()
    expected = hall.publish()
    assert together(reader)
    last = hall.publish(final=True)
    assert reader.phase is Phase.ENDED
    assert not together(stays)
    got = await ending.read_all()
    assert got == expected + chunk(frame(12) + DONE) + b"0\r\n\r\n"
    assert len(last) > 0
    hall.publish()
    assert together(stays, other)


async def test_numbers_that_begin_again_are_followed(hall: Hall) -> None:
    viewers = [hall.enter() for _ in range(2)]
    hall.number = 1000
    hall.publish()
    hall.room.doubt()
    hall.number = 3
    for _, reader in viewers:
        reader.begin_reading()
        reader.catch_up(CatchUp([], 3, reader.jobs))
    hall.publish()
    assert [reader.cursor for _, reader in viewers] == [4, 4]


steps = st.lists(
    st.tuples(st.sampled_from(["publish", "take", "part", "doubt", "wave"]), st.integers(0, 3)),
    min_size=5,
    max_size=60,
)


@settings(max_examples=60, deadline=None)
@given(steps=steps)
def test_accounts_tell_what_has_arrived(steps: list[tuple[str, int]]) -> None:
    """Whatever happens in between: what a viewer got is what its reader was given, in order."""
    asyncio.run(_play(steps))


async def _play(steps: list[tuple[str, int]]) -> None:
    hall = Hall()
    viewers = [hall.enter() for _ in range(4)]
    got = {viewer: b"" for viewer, _ in viewers}
    for what, which in steps:
        viewer, reader = viewers[which]
        if what == "publish":
            hall.publish(20_000 * which + 100)
        elif what == "take":
            got[viewer] += _taken(viewer)
            hall.crowd.sockets._look()
        elif what == "part":
            reader.step_out()
        elif what == "doubt":
            hall.room.doubt()
            hall.catch_up(reader)
        else:
            viewer.wire.write(b": wave\n\n")
    for viewer, reader in viewers:
        waits = True
        while waits or viewer.wire._waiting or unacknowledged(viewer.number):
            waits = bool(more := _taken(viewer))
            got[viewer] += more
            hall.crowd.sockets._look()
            await asyncio.sleep(0.001)
        body = b"".join(_chunks(got[viewer])).replace(b": wave\n\n", b"")
        numbers = [int(each[4:12]) for each in body.split(b"\n\n") if each]
        assert numbers == sorted(set(numbers))
        assert reader.given == len(body)
        assert not numbers or numbers[-1] <= reader.cursor
    await hall.leave()


def _taken(viewer: Viewer) -> bytes:
    got = b""
    try:
        while piece := viewer.far.recv(65536):
            got += piece
    except BlockingIOError:
        pass
    return got


def _chunks(body: bytes) -> list[bytes]:
    """What chunks hold; they must be whole."""
    found = []
    while body:
        size, _, rest = body.partition(b"\r\n")
        length = int(size, 16)
        assert rest[length : length + 2] == b"\r\n"
        found.append(rest[:length])
        body = rest[length + 2 :]
    return found

"""Readers who come back together share a read of the log, and get what each would get alone."""

import json
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headway.stream import Hub, Log
from headway.stream.history import History, Tail, number_of
from headway.stream.rooms import Rooms
from headway.stream.rounds import LOGS, WINDOW, Behind, Round
from headway.stream.sse import Decoder
from headway.stream.subscription import Phase, Subscription
from tests.stream.conftest import state
from tests.stream.models import Redis, Time, Viewer
from tests.stream.streams import live, say, until

PAGE = 4


class Paged(Redis):
    """Of which one read returns few entries; `reads` has what was asked."""

    def __init__(self) -> None:
        super().__init__()
        self.reads: list[Sequence[tuple[str, int]]] = []

    def read(self, wanted: Sequence[tuple[str, int]]) -> History:
        self.reads.append(wanted)
        found = super().read(wanted)
        return History(found.last, {key: self._page(tail) for key, tail in found.tails.items()})

    def _page(self, tail: Tail) -> Tail:
        upto = number_of(tail.entries[PAGE - 1]) if len(tail.entries) >= PAGE else None
        return Tail(tail.snapshot, tail.first_prev, tail.entries[:PAGE], 0.0, upto)


class Patient(Viewer):
    """Takes everything."""

    def write(self, piece: bytes) -> bool:
        self.buffered += piece
        return True


def caught_up(redis: Paged, cursors: Sequence[tuple[int | None, frozenset[str]]]) -> list[bytes]:
    """What readers at these cursors have been given once all of them are live."""
    behind = Behind(lambda: None)
    time = Time()
    rooms = Rooms(1.0, lambda: time, behind.add)
    readers = [Subscription(jobs, cursor=cursor) for cursor, jobs in cursors]
    viewers = [Patient() for _ in readers]
    for reader, viewer in zip(readers, viewers, strict=True):
        reader.wire = viewer
        rooms.enter(reader)
        behind.add(reader)
    for _ in range(60):
        if not behind:
            break
        this = Round(rooms, behind, len(readers))
        assert not this.have_read(redis.read(this.read_from()))
        assert not any(this.finish({}))
    assert {reader.phase for reader in readers} <= {Phase.LIVE}
    assert not behind.alone
    return [viewer.buffered for viewer in viewers]


def events(stream: bytes) -> dict[str, list[tuple[str, Any]]]:
    """What is told of each job. (Why a snapshot came is not the same, where it had to wait.)"""
    told: dict[str, list[tuple[str, Any]]] = {}
    for message in Decoder().feed(stream):
        data = json.loads(message.data)
        number = message.id if message.event == "log" else data.get("current")
        told.setdefault(data["job"], []).append((message.event, number))
    return told


happened = st.lists(st.tuples(st.sampled_from("ab"), st.integers(1, WINDOW // 4)), max_size=30)
who = st.lists(
    st.tuples(st.none() | st.integers(-2, 40), st.sampled_from(["a", "b", "ab"])), max_size=6
)


@settings(max_examples=100, deadline=None)
@given(happened=happened, who=who, trimmed=st.integers(0, 12))
def test_what_is_given_is_what_each_would_have_got_alone(
    happened: list[tuple[str, int]], who: list[tuple[int | None, str]], trimmed: int
) -> None:
    redis, numbers = Paged(), [1]
    numbers += [redis.append(job, 0)[0] for job in "ab"]
    for job, later in happened:
        numbers.append(redis.append(job, numbers[-1] + later)[0])
    del redis.logs["a"][:trimmed]
    readers = [
        (None if place is None else numbers[place % len(numbers)], frozenset(jobs))
        for place, jobs in who
    ]
    alone = [caught_up(redis, [reader])[0] for reader in readers]
    assert [*map(events, caught_up(redis, readers))] == [*map(events, alone)]


def test_a_thousand_readers_of_one_job_read_its_log_once() -> None:
    redis = Paged()
    cursors = [redis.append("a", n * 1000)[0] for n in range(PAGE)]
    readers: list[tuple[int | None, frozenset[str]]]
    readers = [(cursors[n % PAGE], frozenset("a")) for n in range(1000)]
    readers[7] = (None, frozenset("a"))
    assert len(set(caught_up(redis, readers))) == PAGE + 1
    assert redis.reads == [[("a", cursors[0])]]


def test_who_is_far_ahead_of_a_shared_read_gets_one_of_their_own() -> None:
    redis = Paged()
    numbers = [redis.append("a", n)[0] for n in range(5 * PAGE)]
    caught_up(redis, [(number, frozenset("a")) for number in (numbers[0], numbers[-2])])
    assert ("a", numbers[-2]) in redis.reads[1]


def test_a_round_takes_no_more_readers_than_logs_can_be_read() -> None:
    behind = Behind(lambda: None)
    rooms = Rooms(1.0, Time, behind.add)
    few = [Subscription([f"job {n % 7}"]) for n in range(1000)]
    for reader in few:
        rooms.enter(reader)
        behind.add(reader)
    assert len(behind.first(900)) == 900
    for reader in few:
        behind.discard(reader)
    many = [Subscription([f"job {n} {m}" for m in range(10)]) for n in range(90)]
    feeds = [Subscription([], feed=str(n)) for n in range(LOGS)]
    for reader in (*many, *feeds):
        rooms.enter(reader)
        behind.add(reader)
    assert behind.first(1000) == many[: LOGS // 10]
    for reader in many:
        behind.discard(reader)
    assert behind.first(1000) == feeds


async def test_readers_of_one_job_are_given_the_same_bytes(
    hub: Hub, log: Log, job: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    log.append(job, state(job, "running"), attempt=1, created=True)
    written: list[bytes] = []
    streams = []
    for _ in range(3):
        reader = Subscription([job], cursor=0)
        streams.append(await live(hub, reader))
        write = reader.wire.write

        def note(piece: bytes, write: Any = write) -> bool:
            written.append(piece)
            return bool(write(piece))

        monkeypatch.setattr(reader.wire, "write", note)
    hub._rooms.doubt()
    say(log, job, "one")
    hub._asked.set()
    await until(lambda: len(written) == 3)
    assert len({id(piece) for piece in written}) == 1
    for stream in streams:
        await stream.aclose()


def test_a_gap_of_one_job_is_told_after_a_long_read_of_another() -> None:
    redis = Paged()
    begun = [redis.append(job, 0)[0] for job in "ab"]
    redis.append("a", 0)
    [last] = [redis.append("b", 0)[0] for _ in range(2 * PAGE)][-1:]
    redis.append("a", 0)
    del redis.logs["a"][:2]
    [stream] = caught_up(redis, [(begun[-1], frozenset("ab"))])
    told = events(stream)
    assert [event for event, _ in told["a"]] == ["resync", "snapshot", "progress"]
    assert told["b"][-1] == ("log", str(last))


def test_who_has_left_meanwhile_is_given_nothing() -> None:
    redis, behind = Paged(), Behind(lambda: None)
    redis.append("a", 0)
    rooms, viewer = Rooms(1.0, Time, behind.add), Patient()
    reader = Subscription("a", cursor=0)
    reader.wire = viewer
    rooms.enter(reader)
    behind.add(reader)
    this = Round(rooms, behind, 1)
    this.have_read(redis.read(this.read_from()))
    rooms.leave(reader)
    assert not any(this.finish({}))
    assert not viewer.buffered


def test_no_message_is_needed_while_all_of_few_rooms_wait_for_their_ticks() -> None:
    time, behind = Time(), Behind(lambda: None)
    rooms = Rooms(1.0, lambda: time, behind.add)
    assert rooms.rest() == 0
    first = Subscription("a", cursor=0)
    rooms.enter(first)
    rooms.on_message("{p}:live:a", b"0 1 log\nframe")
    assert rooms.rest() == pytest.approx(0.9)
    time.now += 0.5
    assert rooms.rest() == pytest.approx(0.4)
    second = Subscription("ab", cursor=0)
    rooms.enter(second)  # nobody has told it anything
    assert rooms.rest() == 0
    rooms.on_message("{p}:live:b", b"0 2 log\nframe")
    assert rooms.rest() == pytest.approx(0.4)
    rooms.leave(first)
    assert rooms.rest() == pytest.approx(0.9)
    time.now += 2
    assert rooms.rest() < 0

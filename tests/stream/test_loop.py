"""The one loop, without I/O: whatever is dropped, delayed, trimmed or lost, a reader misses nothing
without a `resync` or a snapshot, gets nothing twice and nothing out of order.

What is driven is what a hub drives (Rooms, Behind, Round); Redis, viewer and time are models.
"""

import json
from collections.abc import Iterable
from itertools import groupby, pairwise
from typing import ClassVar

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from headway.stream import keys
from headway.stream.catch_up import Reading, prepare
from headway.stream.event import progress_of
from headway.stream.history import History, Tail, entry
from headway.stream.notices import opening
from headway.stream.room import Piece, Room
from headway.stream.rooms import Rooms
from headway.stream.rounds import Behind, Round
from headway.stream.sse import Decoder, Message
from headway.stream.subscription import CatchUp, Phase, Subscription
from tests.stream.models import JOBS, TICK, Redis, Time, Viewer, Written

which = st.integers(0, 1)


class Loop(RuleBasedStateMachine):
    """One viewer of two jobs over any number of connections. Live messages are lost as a TCP
    connection loses them: from one moment on until it is made anew."""

    jobs: ClassVar[tuple[str, ...]] = JOBS
    drops_single_messages: ClassVar[bool] = False

    def __init__(self) -> None:
        super().__init__()
        self.redis = Redis()
        self.happened: list[tuple[int, str]] = []
        self.viewer = Viewer()
        self.under_way: list[tuple[Subscription, str, Written]] = []
        self._connect(None)
        for job in self.jobs:
            self._append(job, 0)

    def _connect(self, cursor: int | None) -> None:
        """To another web process, that has yet to subscribe."""
        self.connected = False
        self.time = Time()
        self.behind = Behind(lambda: None)
        self.rooms = Rooms(TICK, lambda: self.time, self.behind.add)
        self.round: Round | None = None
        self.history: History | None = None
        self.ahead: History | None = None
        self.reader: Subscription = Subscription(self.jobs, cursor=cursor)
        self.reader.wire = self.viewer
        self.viewer.ready = lambda: self.behind.unblock(self.reader)
        self.viewer.decoder = Decoder(self.viewer.decoder.last_id)
        self.viewer.buffered = opening(self.reader)
        self.rooms.enter(self.reader)
        self.behind.add(self.reader)

    def _job(self, index: int) -> str:
        return self.jobs[index % len(self.jobs)]

    def _append(self, job: str, clock: int) -> None:
        written = self.redis.append(job, clock)
        self.happened.append((written[0], job))
        self.under_way.append((self.reader, job, written))

    @rule(indexes=st.lists(which, min_size=1, max_size=3))
    def something_happens(self, indexes: Iterable[int]) -> None:
        for index in indexes:
            self._append(self._job(index), self.happened[-1][0] + 2)

    @precondition(lambda self: self.under_way)
    @rule(arrivals=st.lists(st.booleans(), min_size=1, max_size=4))
    def live_messages_arrive(self, arrivals: Iterable[bool]) -> None:
        """Some of them within one tick."""
        for arrives in arrivals:
            if self.under_way:
                self._hear(arrives)

    def _hear(self, arrives: bool) -> None:
        reader, job, (number, prev, frame) = self.under_way.pop(0)
        arrives = arrives or not self.drops_single_messages
        if arrives and reader is self.reader and self.connected:
            head = f"{prev} {number} \n".encode()
            self.rooms.on_message(keys.live(job), head + frame)

    @precondition(lambda self: self.behind and self.round is None)
    @rule(waits=st.booleans())
    def a_round_begins(self, waits: bool) -> None:
        """If it does not wait for the channels, what is sent before they are confirmed is lost."""
        self.round = Round(self.rooms, self.behind, len(self.behind))
        if not self.connected and (waits or not self.round.goes_on):
            self._subscribe()
        elif not self.connected:
            self.round.disarm([*self.rooms.channels])
        wanted = self.round.read_from()
        if self.ahead is not None and {*wanted} == {*self.ahead.tails}:
            self.round.disarm([*self.rooms.channels])
            self.history = self.ahead
        else:
            self.history = self.redis.read(wanted)
        self.ahead = None

    @precondition(lambda self: self.round is None)
    @rule()
    def the_log_is_read_ahead(self) -> None:
        """For the next round, if that asks for nothing else."""
        self.ahead = self.redis.read([(job, self.reader.cursor) for job in self.jobs])

    @precondition(lambda self: not self.connected)
    @rule()
    def the_channels_are_confirmed(self) -> None:
        self.under_way.clear()
        self._subscribe()

    def _subscribe(self) -> None:
        for channel in self.rooms.channels:
            self.rooms.on_subscribe(channel)
        self.connected = True

    @precondition(lambda self: self.history is not None)
    @rule()
    def the_log_answers(self) -> None:
        assert self.round is not None
        assert self.history is not None
        self.round.have_read(self.history)
        self.history = None

    @precondition(lambda self: self.round is not None and self.history is None)
    @rule()
    def the_round_ends(self) -> None:
        assert self.round is not None
        assert not any(self.round.finish({}))
        self.round = None

    @rule()
    def the_tick_is_over(self) -> None:
        self.time.pass_by(TICK)

    @rule()
    def the_viewer_takes(self) -> None:
        self.viewer.take()

    @rule(share=st.floats(0, 1))
    def the_viewer_takes_half_and_reconnects(self, share: float) -> None:
        self.viewer.take(share)
        self.viewer.cuts += 1
        self._connect(self.viewer.cursor)

    @rule()
    def the_live_connection_is_lost(self) -> None:
        self.under_way.clear()
        self.connected = False
        self.rooms.doubt()

    @invariant()
    def nothing_twice_and_nothing_out_of_order(self) -> None:
        numbers = [int(message.id) for message in self.viewer.got if message.event == "log"]
        assert numbers == sorted(set(numbers))
        for before, message in pairwise(self.viewer.got):
            past = int(before.id or 0)
            assert message.event != "log" or int(message.id) > past, "before the client's cursor"

    @invariant()
    def a_client_of_progress_alone_sees_each_snapshot(self) -> None:
        """Unless it was cut off in between: then the snapshot comes once more."""
        told = [message for message in self.viewer.got if message.event != "log"]
        for before, message in pairwise(told):
            if message.event == "progress":
                assert before.event == "snapshot"
                assert json.loads(message.data) == progress_of(json.loads(before.data))
            elif before.event == "snapshot":
                assert self.viewer.cuts, f"{message.event} right after a snapshot"

    @invariant()
    def no_gap_without_notice(self) -> None:
        for job in self.jobs:
            self._check(job, [m for m in self.viewer.got if f'"{job}"' in m.data])

    def _check(self, job: str, messages: Iterable[Message]) -> None:
        happened = [number for number, of in self.happened if of == job]
        after = None
        for told, run in groupby(messages, lambda message: message.event != "log"):
            if told:
                after = json.loads(list(run)[-1].data).get("current")
                continue
            numbers = [int(message.id) for message in run]
            start = happened.index(numbers[0])
            assert happened[start : start + len(numbers)] == numbers, f"a gap in {job}"
            if after is not None:
                missed = [number for number in happened if after < number < numbers[0]]
                assert not missed, f"a gap in {job}"

    def teardown(self) -> None:
        """After all faults: one more event of each job is enough for everything to arrive."""
        for job in self.jobs:
            self._append(job, self.happened[-1][0] + 2)
        while self.under_way:
            self._hear(True)
        for _ in range(20):
            self._settle()
        assert self.reader.phase is Phase.LIVE
        for job, newest in self.redis.newest.items():
            last = [message for message in self.viewer.got if f'"{job}"' in message.data][-1]
            assert newest == json.loads(last.data).get("current", int(last.id))
        self.no_gap_without_notice()
        self.nothing_twice_and_nothing_out_of_order()

    def _settle(self) -> None:
        if self.history is not None:
            self.the_log_answers()
        if self.round is not None:
            self.the_round_ends()
        if self.behind:
            self.a_round_begins(waits=True)
        self.the_tick_is_over()
        self.the_viewer_takes()


class LoopOverALossyRedis(Loop):
    """The same while Redis forgets."""

    @rule(index=which, keep=st.integers(1, 4))
    def a_log_is_trimmed(self, index: int, keep: int) -> None:
        del self.redis.logs[self._job(index)][:-keep]

    @rule()
    def redis_loses_everything(self) -> None:
        self.redis.logs = {job: [] for job in JOBS}
        self.redis.newest.clear()
        self.redis.created.clear()
        self.redis.last = 0


class LoopOfOneJob(LoopOverALossyRedis):
    """One job is watched: then even a single lost message is noticed and made good."""

    jobs = ("a",)
    drops_single_messages = True


examples = settings(max_examples=75, stateful_step_count=40, deadline=None)
TestLoop = Loop.TestCase
TestLoopOverALossyRedis = LoopOverALossyRedis.TestCase
TestLoopOfOneJob = LoopOfOneJob.TestCase
TestLoop.settings = TestLoopOverALossyRedis.settings = TestLoopOfOneJob.settings = examples


def test_messages_of_one_of_several_jobs_that_are_missing_are_told() -> None:
    """As when a proxy spreads channels over connections of its own and loses one of them."""
    reader, room = Subscription(JOBS, cursor=10), Room(frozenset(JOBS))
    reader.wire, reader.room = Viewer(), room
    room.readers.add(reader)
    reader.begin_reading()
    reader.catch_up(CatchUp([], 10, reader.jobs))
    room.hear(Piece(12, b"of b"))
    room.flush()
    room.lose("a", known=9)
    room.doubt()
    assert reader not in room.live
    tails = {
        ("a", 12): Tail({b"state": b'{"job":"a"}', b"n": b"13"}, 0, []),
        ("b", 12): Tail({b"state": b'{"job":"b"}', b"n": b"12"}, 0, [entry(14, 12, b"more of b")]),
    }
    reader.begin_reading()
    found = prepare(Reading.from_reader(reader), History(14, tails), {})
    reader.catch_up(found)
    resync, snapshot, begun, event = found.frames
    assert resync == b'event: resync\ndata: {"job":"a","reason":"lost"}\n\n'
    assert snapshot.startswith(b'event: snapshot\ndata: {"job":"a",')
    assert begun.startswith(b'event: progress\ndata: {"job":"a",')
    assert event == b"more of b"
    assert not reader.missed
    assert reader in room.live

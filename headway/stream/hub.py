"""Fans out live messages to the streams of one web process, and catches them up from the log."""

import asyncio
import contextvars
import logging
import random
from collections.abc import (
    AsyncGenerator,
    Awaitable,
    Callable,
    Collection,
    Coroutine,
    Hashable,
    Mapping,
    Sequence,
)
from types import MethodType
from typing import Any

import redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from . import history, keys, redis_clients, sse
from .accounts import Accounts
from .direct import Sockets
from .housekeeping import Housekeeper, Revoked
from .limits import Limits
from .notices import CLOSING, SPENT, busy, farewell, opening
from .pubsub import Channels
from .rooms import Rooms
from .rounds import Behind, Round
from .subscription import Subscription
from .succession import Succession
from .tally import Tally
from .transactions import Transactions
from .wire import Buffer, Wire

logger = logging.getLogger(__name__)

Recover = Callable[[Sequence[str]], Awaitable[Mapping[str, Mapping[str, Any]]]]
"""Gives the snapshots of jobs from the database; jobs it does not know are left out."""

Members = Callable[
    [Collection[tuple[str, int]]], Awaitable[Mapping[tuple[str, int], Sequence[str]]]
]
"""Gives, for each (feed, number), the jobs that a reader of the feed who has seen all up to the
number must still follow."""

ROUND = 1000
"""Readers that are caught up with one round trip at most."""
MAX_PAUSE = 2.0
"""Seconds between two attempts to read the log at most."""
ROUND_TIMEOUT = 5.0
"""Seconds that one round of catching up may take before it counts as failed."""
FAREWELL = 2.0
"""Seconds that viewers have to take the end of their streams when the server ends."""


async def _none(grants: Collection[Hashable]) -> Collection[Hashable]:
    del grants
    return ()


class Hub:
    """All streams of one event loop: one Redis connection for live messages, one for the log,
    four tasks, however many viewers. Starts with its first stream; `close` ends it."""

    def __init__(
        self,
        url: str,
        recover: Recover,
        members: Members,
        limits: Limits | None = None,
        revoked: Revoked = _none,
    ) -> None:
        self.limits, self.sockets = limits or Limits(), Sockets()
        self._recover, self._members = recover, members
        client = redis_clients.async_client(
            url,
            protocol=2,
            socket_timeout=ROUND_TIMEOUT,
            socket_connect_timeout=2,
            retry=Retry(NoBackoff(), 0),
        )
        self._reads = Transactions(client)
        self._asked = asyncio.Event()
        self._behind = Behind(self._asked.set)
        # Bound to a reader by MethodType: 64 bytes for each, of which a partial takes 256.
        self._on_ready: Callable[[Subscription], None] = self._behind.unblock
        self._on_leave: Callable[[Subscription], None] = self.detach
        self._rooms = Rooms(self.limits.tick, asyncio.get_running_loop, self._behind.add)
        heard, begun = self._rooms.on_message, self._rooms.on_subscribe
        self._channels = Channels(url, heard, begun, self._on_loss, self._rooms.rest)
        self._counts = self._rooms.counts
        self._accounts = Accounts(self.limits)
        self._housekeeper = Housekeeper(self.limits, self._end, lambda: self._away, revoked)
        self._succession = Succession()
        self.closing = asyncio.Event()
        """Set for good once `close` was called."""
        self._away: float | None = None
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def readers(self) -> Collection[Subscription]:
        """All whose streams are open."""
        return self._housekeeper.readers

    def attach(self, reader: Subscription, wire: Wire) -> None:
        """Begins to send a stream over a wire. Over a limit it gets `busy` and a long `retry`
        instead: an error status would make EventSource give up for good."""
        reader.wire, reader.budget = wire, self.limits.max_bytes
        closing = self.closing.is_set()
        if closing or self._accounts.is_full(reader.holder, wire.descriptor):
            self._counts["refused", "closing" if closing else "full"] += 1
            wire.write(farewell(CLOSING) if closing else busy())
            reader.end()
            self._accounts.refuse(reader)
            return
        self._succession.correct(reader)
        self._counts["opened", wire.way] += 1
        wire.ready = MethodType(self._on_ready, reader)
        self._housekeeper.begin(reader)
        self._accounts.enter(reader)
        self._rooms.enter(reader)
        self._start()
        first = opening(reader)
        if reader.heartbeat:  # at once, so that a page knows that nothing holds the stream back
            first += sse.heartbeat(stale=self._housekeeper.stale)
        wire.write(first)
        self._behind.add(reader)

    def look_ahead(self, reader: Subscription) -> None:
        """Begins to read what a reader lacks who is about to come, while its connection is taken
        over. Where nobody else reads, or watches its jobs: this would come late for them."""
        busy = self._behind or self.closing.is_set() or self._rooms.knows(reader.jobs)
        if reader.goes_on and not busy and not self._accounts.are_enough(reader.holder):
            places = sorted((job, reader.cursor) for job in reader.jobs)
            self._reads.begin(history.commands(places))

    def detach(self, reader: Subscription) -> None:
        """Forgets a stream; its channels are dropped with the next round. May be called twice."""
        if not self._housekeeper.forget(reader):
            return
        self._counts["bytes", reader.wire.way] += reader.given
        self._succession.leave(reader)
        self._accounts.leave(reader)
        self._behind.discard(reader)
        self._rooms.leave(reader)
        self._asked.set()

    def leave(self, reader: Subscription) -> Callable[[], None]:
        """What to call when the reader's viewer has left: `detach`."""
        return MethodType(self._on_leave, reader)

    def tally(self) -> Tally:
        """What its streams have come to since it was made, and where the open ones are."""
        found = self._counts.copy()
        found["cut_off", ""] = self._accounts.cut_off + self.sockets.cut_off
        found["counted", ""] = len(self._accounts)
        found["stale", ""] = int(self._housekeeper.stale)
        for reader in tuple(self.readers):
            found["open", reader.wire.way] += 1
            found["phase", reader.phase.value] += 1
            found["bytes", reader.wire.way] += reader.given
        return found

    async def stream(self, reader: Subscription) -> AsyncGenerator[bytes, None]:
        """A stream as an iterator of SSE bytes, for handlers that want one."""
        buffer = Buffer(self.limits.buffer)
        self.attach(reader, buffer)
        try:
            while piece := await buffer.take():
                yield piece
        finally:
            self.detach(reader)

    def close(self) -> Coroutine[Any, Any, None]:
        """Says farewell to all streams, at once. What it returns waits until their viewers have
        taken it, FAREWELL seconds at most, and ends the tasks and the connections."""
        self.closing.set()
        for reader in tuple(self.readers):
            sign = self._housekeeper.sign(reader) if reader.waits else b""
            self._end(reader, farewell(CLOSING, sign))
        return self._finish()

    async def _finish(self) -> None:
        await self._accounts.settle(FAREWELL)
        tasks, self._tasks = self._tasks, []
        while left := [task for task in tasks if not task.done()]:
            for task in left:  # again and again: Python 3.11's wait_for can swallow one
                task.cancel()
            await asyncio.wait(left, timeout=0.1)
        await self._reads.close()
        await self.sockets.close()

    def _lose_sight(self) -> None:
        """The log cannot be read; when it can again, a round of catching up will show it."""
        if self._away is None:
            self._away = asyncio.get_running_loop().time()

    def _start(self) -> None:
        if not self._tasks:
            # Fresh contexts: the tasks must not keep the first viewer's request alive. And one for
            # each: asgiref takes two that ask the database at once in the same one for a deadlock.
            loop = asyncio.get_running_loop()
            self._tasks = [
                loop.create_task(work, name=f"hub: {name}", context=contextvars.Context())
                for name, work in [
                    ("live", self._channels.run()),
                    ("log", self._run()),
                    ("clock", self._housekeeper.run()),
                    ("grants", self._housekeeper.check()),
                ]
            ]

    def _end(self, reader: Subscription, last: bytes) -> None:
        """Ends a stream cleanly, with some last bytes where its wire takes them."""
        reader.wire.write(last)
        reader.end()
        self.detach(reader)

    def _on_loss(self) -> None:
        self._counts["losses", ""] += 1
        self._lose_sight()
        self._rooms.doubt()
        self._asked.set()  # even without readers: the next round shows that Redis is back

    async def _run(self) -> None:
        """Catches up the readers that are behind, in rounds."""
        pause, size = 0.05, ROUND
        while True:
            await self._asked.wait()
            self._asked.clear()
            this = Round(self._rooms, self._behind, size)
            try:
                async with asyncio.timeout(ROUND_TIMEOUT):
                    await self._listen(this)
                    if not this.knows_jobs:
                        await self._complete(this)
                        await self._listen(this)
                    await self._read(this)
                pause, size, self._away = 0.05, ROUND, None
            except Exception as error:  # noqa: BLE001 - Redis, or a database: all must heal
                logger.warning("Streams wait to be caught up: %s", error)
                self._lose_sight()
                self._asked.set()
                await asyncio.sleep(pause * random.uniform(0.5, 1))  # noqa: S311 - not a secret
                pause, size = min(pause * 2, MAX_PAUSE), max(1, len(this.readers) // 4)
                self._behind.postpone(this.readers)
            if self._behind:
                self._asked.set()

    async def _listen(self, this: Round) -> None:
        """Makes sure of the channels, and of whose they are. While new ones are being confirmed,
        readers are given what the log has by now; then they read again."""
        asked = await self._channels.ask(self._rooms.channels)
        self._succession.recognise(self._channels.epoch, self.readers)
        if asked and this.goes_on:
            this.disarm(self._channels.unconfirmed)
        else:
            await self._channels.confirmed()

    async def _part(self) -> None:
        """Leaves both servers where the log is another one's than live messages."""
        await self._reads.drop()
        self._channels.renew()
        raise redis.ConnectionError("The log is not of the server that sends live messages.")

    async def _complete(self, this: Round) -> None:
        """Asks for the jobs of feeds, now that no new one can be missed."""
        asking = {r: (r.feed, r.cursor) for r in this.readers if not r.complete}
        for reader in asking:
            reader.learn_feed()
        try:
            found = await self._members({*asking.values()})
        except BaseException:
            for reader in asking:
                reader.lose_feed()
            raise
        for reader, place in asking.items():
            this.have_asked(reader, found[place])

    async def _read(self, this: Round) -> None:
        wanted = this.read_from()
        if not this.readers:
            return
        commands = history.commands(wanted)
        if self._reads.has_begun(commands):  # before the readers came: they will read again
            this.disarm({keys.live(job) for job, _ in wanted})
        found = history.parse(wanted, await self._reads.run(commands))
        if found.epoch.is_other(self._succession.epoch):
            await self._part()
        self._succession.last = found.last
        missing = this.have_read(found)
        recovered = await self._recover(missing) if missing else {}
        for spent in this.finish(recovered):
            for reader in spent:
                self._end(reader, farewell(SPENT))
            await asyncio.sleep(0)

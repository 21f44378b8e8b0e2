"""Fans live messages out to the streams of one web process, and catches them up from the log."""

import asyncio
import contextvars
import logging
import random
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Mapping, Sequence
from itertools import islice
from typing import Any

import redis.asyncio
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from . import history, keys, sse
from .channels import Channels
from .owed import Request, owed
from .subscription import Chain, Subscription

logger = logging.getLogger(__name__)

Recover = Callable[[Sequence[str]], Awaitable[Mapping[str, Mapping[str, Any]]]]
"""Gives the snapshots of jobs from the database; jobs it does not know are left out."""

Members = Callable[[str, int], Awaitable[Sequence[str]]]
"""Gives the jobs that a reader of a feed who has seen all up to a number must still follow."""

ROUND = 100
"""Readers that are caught up with one round trip at most."""
LONGEST_PAUSE = 2.0
"""Seconds between two attempts to read the log at most."""
PATIENCE = 5.0
"""Seconds that one round of catching up may take before it counts as failed."""


class Hub:
    """All streams of one event loop: one Redis connection for live messages, one for the log, two
    tasks, however many viewers. Starts with its first stream; `close` ends it."""

    def __init__(self, url: str, recover: Recover, members: Members) -> None:
        self._recover, self._members = recover, members
        self._redis: redis.asyncio.Redis = redis.asyncio.Redis.from_url(
            url, socket_timeout=PATIENCE, socket_connect_timeout=2, retry=Retry(NoBackoff(), 0)
        )
        self._channels = Channels(url, self._on_message, self._on_subscribe, self._on_loss)
        self._open: set[Subscription] = set()
        self._readers: dict[str, set[Subscription]] = {}
        self._chains: dict[str, Chain] = {}
        self._behind: dict[Subscription, None] = {}
        self._asked = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    def register(self, subscription: Subscription) -> None:
        """From now on live messages reach the subscription; call before anything is read."""
        self._open.add(subscription)
        for channel in _channels_of(subscription):
            self._readers.setdefault(channel, set()).add(subscription)
        if not self._tasks:
            # A fresh context: the tasks must not keep the first viewer's request alive.
            loop, context = asyncio.get_running_loop(), contextvars.Context()
            self._tasks = [
                loop.create_task(self._channels.run(), name="hub: live", context=context),
                loop.create_task(self._run(), name="hub: log", context=context),
            ]

    def unregister(self, subscription: Subscription) -> None:
        """Forgets the subscription. Its channels are dropped with the next round."""
        self._open.discard(subscription)
        self._behind.pop(subscription, None)
        for channel in _channels_of(subscription):
            readers = self._readers.get(channel, set())
            readers.discard(subscription)
            if not readers:
                self._readers.pop(channel, None)
                self._chains.pop(channel, None)
        self._asked.set()

    def catch_up(self, subscription: Subscription) -> None:
        """Asks that a lagging subscription be given what the log holds for it."""
        self._behind[subscription] = None
        self._asked.set()

    async def stream(
        self,
        subscription: Subscription,
        *,
        keepalive: float = 15.0,
        heartbeat: bool = False,
        max_age: float = 600.0,
    ) -> AsyncGenerator[bytes, None]:
        """The subscription as SSE bytes. Something is sent every `keepalive` seconds whatever
        Redis does: a comment, or a `heartbeat` event for pages, which cannot see comments. Ends
        with the jobs, or cleanly after about `max_age` seconds, to be resumed."""
        loop = asyncio.get_running_loop()
        ends_at = loop.time() + max_age * random.uniform(0.9, 1.1)  # noqa: S311 - not a secret
        something = asyncio.Event()
        subscription.ready = something.set
        self.register(subscription)
        try:
            yield opening(subscription)
            while (left := ends_at - loop.time()) > 0:
                if piece := subscription.take():
                    yield piece
                    continue
                if subscription.ended:
                    return
                if subscription.lagging:
                    self.catch_up(subscription)
                something.clear()
                try:
                    async with asyncio.timeout(min(keepalive, left)):
                        await something.wait()
                except TimeoutError:
                    yield sse.HEARTBEAT if heartbeat else sse.KEEPALIVE
        finally:
            self.unregister(subscription)

    async def close(self) -> None:
        """Ends the tasks and closes the connections; open streams keep their keep-alive."""
        tasks, self._tasks = self._tasks, []
        while left := [task for task in tasks if not task.done()]:
            for task in left:  # again and again: Python 3.11's wait_for can swallow one
                task.cancel()
            await asyncio.wait(left, timeout=0.1)
        await self._redis.aclose()

    def _on_message(self, channel: str, data: bytes) -> None:
        readers = self._readers.get(channel)
        if not readers:
            return
        if channel.startswith(keys.feed("")):
            for reader in tuple(readers):
                self._follow(reader, data.decode())
            return
        head, _, frame = data.partition(b"\n")
        prev, number, mark = head.split(b" ")
        known = self._chain(channel).gap(int(prev), int(number))
        for reader in tuple(readers):
            if known is not None:
                reader.miss(channel.removeprefix(keys.live("")), known)
            reader.hear(int(number), frame, final=mark == b"final")

    def _chain(self, channel: str) -> Chain:
        return self._chains.setdefault(channel, Chain())

    def _on_subscribe(self, channel: str) -> None:
        self._chains.pop(channel, None)

    def _on_loss(self) -> None:
        for reader in self._open:
            reader.complete = not reader.feed
            reader.doubt()

    def _follow(self, reader: Subscription, job: str) -> None:
        """A new job of the reader's owner. It was announced before anything later was published,
        so the reader's cursor lies before its first event: catching up gives all of it."""
        self._join(reader, [job])
        reader.doubt()

    def _join(self, reader: Subscription, jobs: Iterable[str]) -> None:
        if reader in self._open:  # it may have left while its jobs were looked up
            for job in jobs:
                reader.jobs.add(job)
                self._readers.setdefault(keys.live(job), set()).add(reader)

    async def _run(self) -> None:
        pause = 0.05
        while True:
            await self._asked.wait()
            self._asked.clear()
            batch = list(islice(self._behind, ROUND))
            for reader in batch:  # before anything else: a loss from here on must be seen
                reader.arm()
            try:
                async with asyncio.timeout(PATIENCE):
                    await self._channels.hold(self._readers)
                    await self._complete(batch)
                    await self._read(batch)
                pause = 0.05
            except Exception as error:  # noqa: BLE001 - Redis, or a database: all must heal
                logger.warning("Streams wait to be caught up: %s", error)
                self._asked.set()
                await asyncio.sleep(pause * random.uniform(0.5, 1))  # noqa: S311 - not a secret
                pause = min(pause * 2, LONGEST_PAUSE)
                continue
            if self._behind:
                self._asked.set()

    async def _complete(self, batch: Iterable[Subscription]) -> None:
        """Asks for the jobs of feeds, now that no new one can be missed."""
        for reader in batch:
            if not reader.complete:
                self._join(reader, await self._members(reader.feed, reader.cursor))
                reader.complete = True
        await self._channels.hold(self._readers)

    async def _read(self, batch: Iterable[Subscription]) -> None:
        requests = [Request.of(reader) for reader in batch]
        if not requests:
            return
        wanted = sorted({(job, request.at) for request in requests for job in request.jobs})
        async with self._redis.pipeline(transaction=True) as pipe:
            history.queue(pipe, wanted)
            read = history.parse(wanted, await pipe.execute())
        for (job, _), tail in read.tails.items():
            self._chain(keys.live(job)).start(tail.newest)
        missing = {job for request in requests for job in request.lost(read)}
        recovered = await self._recover(sorted(missing)) if missing else {}
        for request in requests:
            self._behind.pop(request.reader, None)
            request.reader.catch_up(**owed(request, read, recovered)._asdict())


def opening(subscription: Subscription) -> bytes:
    """The first block of a stream: how long to wait before coming back (jittered, so that a
    restart is not answered by a stampede) and an id, which a bare blank line would reset."""
    retry = random.randint(1000, 3000)  # noqa: S311 - not a secret
    return sse.encode(id=str(subscription.cursor), retry=retry)


def _channels_of(subscription: Subscription) -> Iterable[str]:
    yield from (keys.live(job) for job in subscription.jobs)
    if subscription.feed:
        yield keys.feed(subscription.feed)

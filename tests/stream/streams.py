"""Streams of a hub, read as viewers do, and a database behind it."""

import asyncio
import json
from collections.abc import AsyncGenerator, Callable, Collection, Mapping, Sequence
from contextlib import aclosing
from typing import Any

from headway.stream import Event, Hub, Log, Subscription
from headway.stream.sse import Decoder, Message
from headway.stream.subscription import Phase
from tests.support.patience import PATIENCE

Stream = AsyncGenerator[bytes, None]


class Database:
    """What the hub asks for when Redis does not know."""

    def __init__(self) -> None:
        self.jobs: dict[str, dict[str, Any]] = {}
        self.feeds: dict[str, list[str]] = {}
        self.down = 0
        self.asked = False
        self.slow = asyncio.Event()
        self.slow.set()

    async def recover(self, jobs: Sequence[str]) -> Mapping[str, Mapping[str, Any]]:
        if self.down:
            self.down -= 1
            raise OSError("the database is away")
        return {job: self.jobs[job] for job in jobs if job in self.jobs}

    async def members(
        self, wanted: Collection[tuple[str, int]]
    ) -> Mapping[tuple[str, int], Sequence[str]]:
        self.asked = True
        if self.down:
            self.down -= 1
            raise OSError("the database is away")
        await self.slow.wait()
        return {(feed, number): self.feeds.get(feed, []) for feed, number in wanted}


MakeHub = Callable[..., Hub]


async def collect(stream: Stream, until: str, decoder: Decoder | None = None) -> list[Message]:
    """The messages of a stream up to and including the first whose data contains `until`."""
    got, decoder = [], decoder or Decoder()
    async with asyncio.timeout(PATIENCE), aclosing(stream) as pieces:
        async for piece in pieces:
            for message in decoder.feed(piece):
                got.append(message)
                if until in message.data:
                    return got
    return got


async def collect_one(stream: Stream, part: bytes) -> bytes:
    async with asyncio.timeout(PATIENCE):
        while part not in (piece := await anext(stream)):
            pass
    return piece


async def until(condition: Callable[[], object]) -> None:
    """Polls: what is awaited here happens in Redis or inside the hub, which tell nobody."""
    async with asyncio.timeout(PATIENCE):
        while not condition():  # noqa: ASYNC110 - see above
            await asyncio.sleep(0.005)


async def live(hub: Hub, reader: Subscription) -> Stream:
    """A stream of `reader` that is live; what it has been given so far is still to be read."""
    stream = hub.stream(reader)
    await anext(stream)
    await until(lambda: reader.phase is Phase.LIVE)
    return stream


def say(log: Log, job: str, text: object, attempt: int = 1) -> int:
    event = Event("log", {"job": job, "text": str(text)})
    return log.append(job, event, attempt=attempt).number


def texts(messages: list[Message]) -> list[str]:
    return [json.loads(message.data)["text"] for message in messages if message.event == "log"]

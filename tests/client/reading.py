"""Reading a stream to its end by either client, as one function."""

import asyncio
from collections.abc import Callable
from typing import Any

from headway.client import StreamEvent, awatch, watch

Take = Callable[[StreamEvent], Any]
Read = Callable[..., list[StreamEvent]]
"""read(url, take, **options of watch): all events; `take` sees each as it comes."""


def read(url: str, take: Take | None = None, **options: Any) -> list[StreamEvent]:
    """By `watch`."""
    got = []
    with watch(url, **options) as events:
        for event in events:
            got.append(event)
            if take is not None:
                take(event)
    return got


def read_async(url: str, take: Take | None = None, **options: Any) -> list[StreamEvent]:
    """By `awatch`, on an event loop of its own."""

    async def run() -> list[StreamEvent]:
        got = []
        async with awatch(url, **options) as events:
            async for event in events:
                got.append(event)
                if take is not None:
                    take(event)
        return got

    return asyncio.run(run())

"""How a hub learns that its server ends (tests/faults/test_farewell.py has the servers)."""

import asyncio
import os
import signal
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import pytest

from headway.stream import Hub
from headway.stream.shutdown import Lifespan, last_words, watch
from tests.support.patience import PATIENCE


async def test_hypercorns_end_is_awaited(hub: Hub) -> None:
    context = SimpleNamespace(terminated=asyncio.Event())

    class Stream:
        def __init__(self) -> None:
            self.context = context

        def send(self) -> None:
            """Nothing."""

    watch(hub, Stream().send)
    watch(hub, Stream().send)  # once is enough
    assert not hub.ending.is_set()
    context.terminated.set()
    await asyncio.wait_for(hub.ending.wait(), PATIENCE)


async def test_a_signal_closes_the_hub_and_reaches_the_server(hub: Hub) -> None:
    told: list[int] = []
    before = signal.signal(signal.SIGTERM, lambda number, _: told.append(number))
    try:
        watch(hub, print)
        os.kill(os.getpid(), signal.SIGTERM)
        await asyncio.wait_for(hub.ending.wait(), PATIENCE)
        assert told == [signal.SIGTERM]
    finally:
        signal.signal(signal.SIGTERM, before)


async def test_lifespan_closes_what_is_watched(hub: Hub) -> None:
    watch(hub, print)
    said: list[str] = []

    async def receive() -> Mapping[str, Any]:
        return {}

    async def send(message: Mapping[str, Any]) -> None:
        said.append(message["type"])

    await asyncio.wait_for(Lifespan()({}, receive, send), PATIENCE)
    assert said == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
    assert hub.ending.is_set()


@pytest.mark.parametrize("ending", [True, False])
async def test_who_is_cancelled_may_say_something_when_the_server_ends(
    hub: Hub, ending: bool
) -> None:
    async def wait() -> str:
        with last_words(hub):
            await asyncio.Event().wait()
        return "last words"

    waiting = asyncio.ensure_future(wait())
    await asyncio.sleep(0)
    if ending:
        await hub.close()
    waiting.cancel()
    [result] = await asyncio.gather(waiting, return_exceptions=True)
    assert (result == "last words") is ending

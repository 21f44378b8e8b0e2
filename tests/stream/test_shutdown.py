"""How a hub learns that its server ends (tests/faults/test_farewell.py has the servers)."""

import asyncio
import functools
import os
import signal
import sys
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import pytest
import twisted.internet.defer  # noqa: F401 - as Daphne does

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
    assert not hub.closing.is_set()
    context.terminated.set()
    await asyncio.wait_for(hub.closing.wait(), PATIENCE)


async def test_a_signal_closes_the_hub_and_reaches_the_server(hub: Hub) -> None:
    told: list[int] = []
    before = signal.signal(signal.SIGTERM, lambda number, _: told.append(number))
    try:
        watch(hub, print)
        os.kill(os.getpid(), signal.SIGTERM)
        await asyncio.wait_for(hub.closing.wait(), PATIENCE)
        assert told == [signal.SIGTERM]
    finally:
        signal.signal(signal.SIGTERM, before)


class Daphne:
    """What its `send` is bound to: a server with one answer under way."""

    def __init__(self, answer: "asyncio.Future[None]") -> None:
        self.connections = {"one": {"application_instance": answer}, "half a request": {}}

    def kill_all_applications(self) -> None:
        """What it does at Twisted's shutdown."""

    def handle_reply(self, request: str) -> None:
        """What `send` is made of."""


@pytest.mark.parametrize("busy", [True, False])
async def test_twisted_waits_for_the_farewell_and_for_answers(
    hub: Hub, monkeypatch: pytest.MonkeyPatch, busy: bool
) -> None:
    triggers: list[Any] = []
    reactor = SimpleNamespace(addSystemEventTrigger=lambda *given: triggers.append(given))
    monkeypatch.setitem(sys.modules, "twisted.internet.reactor", reactor)
    answer = asyncio.get_running_loop().create_future()
    if not busy:
        answer.set_result(None)
    watch(hub, functools.partial(Daphne(answer).handle_reply, "a request"))
    [(phase, event, end)] = triggers
    assert (phase, event) == ("before", "shutdown")
    over = end().asFuture(asyncio.get_running_loop())
    assert hub.closing.is_set()
    if busy:
        await asyncio.wait([over], timeout=0.3)
        assert not over.done()
        answer.set_result(None)
    await asyncio.wait_for(over, PATIENCE)


async def test_an_unknown_server_of_this_shape_is_left_alone(hub: Hub) -> None:
    watch(hub, functools.partial(print, "a request"))
    assert not hub.closing.is_set()


async def test_off_the_main_thread_there_are_no_signals(hub: Hub) -> None:
    before = signal.getsignal(signal.SIGTERM)
    await asyncio.to_thread(watch, hub, print)
    assert signal.getsignal(signal.SIGTERM) is before


async def test_lifespan_closes_what_is_watched(hub: Hub) -> None:
    watch(hub, print)
    said: list[str] = []

    async def receive() -> Mapping[str, Any]:
        return {}

    async def send(message: Mapping[str, Any]) -> None:
        said.append(message["type"])

    await asyncio.wait_for(Lifespan()({}, receive, send), PATIENCE)
    assert said == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
    assert hub.closing.is_set()


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

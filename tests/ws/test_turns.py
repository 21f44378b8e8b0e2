"""Somebody who asks for much, on many connections, waits for it; others do not."""

import asyncio
import json
import signal
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import User

from headway.models import Job
from headway.stream.turns import Turns
from headway.web import tokens
from tests.support.processes import wait_until
from tests.support.protocol import SOCKET
from tests.support.servers import Serve
from tests.support.sockets import open_stream, read_until
from tests.support.stack import Web
from tests.ws.client import Client

CROWD = 40
"""Connections of the one who asks for much."""


@pytest.fixture(scope="module")
def web(serve: Serve) -> Web:
    return serve(Web)


async def test_a_key_waits_for_itself_and_not_for_others() -> None:
    turns = Turns()
    order: list[str] = []

    async def ask(key: str) -> None:
        async with turns.of(key):
            await sync_to_async(order.append)(key)

    async with asyncio.TaskGroup() as group:
        for key in ["eve"] * 50 + ["alice"]:
            group.create_task(ask(key))
    assert order.index("alice") <= 1
    assert len(order) == 51
    assert not turns._waiting


def test_others_are_let_in_before_what_one_asks_for_on_many_sockets(
    web: Web, token: str, job: Job, bob: User
) -> None:
    bobs = tokens.issue(bob)[1]
    wanted = {"type": "subscribe", "jobs": [str(uuid.uuid4()) for _ in range(900)]}
    SOCKET["subscribe"].validate(wanted)
    with ExitStack() as stack:
        crowd = [stack.enter_context(Client(web.url, bearer=bobs)) for _ in range(CROWD)]
        with standing_still(web):
            for each in crowd:
                for _ in range(3):
                    each.connection.send(json.dumps(wanted))
        wait_until(lambda: answers(crowd), every=0.01)
        with standing_still(web):
            before = answers(crowd)
            stream = stack.enter_context(open_stream(f"{web.url}/jobs/{job.pk}/events/", token))
        read_until(stream, b"event: snapshot")
        assert answers(crowd) < CROWD / 4
        assert before < 2 * CROWD  # else there was no crowd


@contextmanager
def standing_still(web: Web) -> Iterator[None]:
    """A server that sees at once all that is sent to it meanwhile, however long that takes."""
    web.signal(signal.SIGSTOP)
    try:
        yield
    finally:
        web.signal(signal.SIGCONT)


def answers(crowd: list[Client]) -> int:
    """How many have come since this was asked last."""
    count = 0
    for each in crowd:
        while True:
            try:
                count += "refused" in str(each.connection.recv(timeout=0))
            except TimeoutError:
                break
    return count

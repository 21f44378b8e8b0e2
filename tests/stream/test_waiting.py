"""Waiting for news: rings as a stream would tell it, and leaves nothing behind."""

import asyncio
import json
from collections.abc import Mapping
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from asgiref.testing import ApplicationCommunicator
from django.conf import settings as configured
from django.contrib.auth.models import User
from pytest_django import Settings

from headway.lifecycle import announce
from headway.lifecycle.log import log as own_log
from headway.models import Job, Status
from headway.stream import Event, Hub, Log, Subscription
from headway.stream.http import EventStreamHandler
from headway.stream.long_poll import Bell, Wait
from headway.stream.subscription import Phase
from headway.web.streams import hub as own_hub
from tests.stream.conftest import progress, state
from tests.stream.streams import MakeHub, say, until
from tests.support.patience import PATIENCE
from tests.support.users import session_of


async def stay() -> Mapping[str, Any]:
    """The `receive` of a client that stays."""
    return await asyncio.get_running_loop().create_future()  # type: ignore[no-any-return]  # never


async def leave() -> Mapping[str, Any]:
    """That of one that leaves at once."""
    return {"type": "http.disconnect"}


def waiting(hub: Hub, job: str, cursor: int, seconds: float = 10) -> "asyncio.Task[Bell | None]":
    wait = Wait(lambda: hub, Subscription([job], cursor=cursor, holder="1"), seconds)
    return asyncio.ensure_future(wait.over(stay))


async def test_progress_is_news_and_lines_are_not(hub: Hub, log: Log, job: str) -> None:
    first = log.append(job, state(job, "running"), attempt=1, created=True).number
    task = waiting(hub, job, first)
    await until(lambda: [reader.phase for reader in hub.readers] == [Phase.LIVE])
    say(log, job, "a line")
    assert await asyncio.wait({task}, timeout=0.2) == (set(), {task})
    log.append(job, progress(job, 5), attempt=1)
    bell = await asyncio.wait_for(task, PATIENCE)
    assert bell is not None
    assert bell.rung.done()
    assert not hub.readers


async def test_what_came_since_the_cursor_rings_at_once(hub: Hub, log: Log, job: str) -> None:
    first = log.append(job, state(job, "running"), attempt=1, created=True).number
    log.append(job, progress(job, 5), attempt=1)
    assert await asyncio.wait_for(waiting(hub, job, first), PATIENCE)


async def test_without_news_it_ends_after_its_time(hub: Hub, log: Log, job: str) -> None:
    first = log.append(job, state(job, "running"), attempt=1, created=True).number
    bell = await asyncio.wait_for(waiting(hub, job, first, seconds=0.1), PATIENCE)
    assert bell is not None
    assert not bell.rung.done()


async def test_who_leaves_is_forgotten(hub: Hub, job: str) -> None:
    wait = Wait(lambda: hub, Subscription([job], cursor=1), 10)
    assert await asyncio.wait_for(wait.over(leave), PATIENCE) is None
    assert not hub.readers


async def test_over_the_limit_nothing_is_waited_for(make_hub: MakeHub, job: str) -> None:
    bell = await asyncio.wait_for(waiting(make_hub(max_held=0), job, 1), PATIENCE)
    assert bell is not None
    assert 20 <= bell.busy <= 40


async def test_a_hub_that_closes_rings(hub: Hub, log: Log, job: str) -> None:
    first = log.append(job, state(job, "running"), attempt=1, created=True).number
    task = waiting(hub, job, first)
    await until(lambda: len(hub.readers) == 1)
    await hub.close()
    assert await asyncio.wait_for(task, PATIENCE)


def poll(job: Job, user: User, cursor: int) -> Any:
    """A long poll of the handler in this process."""
    cookie = f"{configured.SESSION_COOKIE_NAME}={session_of(user)}".encode()
    scope = {
        "type": "http",
        "method": "GET",
        "path": f"/jobs/{job.pk}/status/",
        "query_string": f"wait=10&cursor={cursor}".encode(),
        "headers": [(b"host", b"localhost"), (b"cookie", cookie)],
    }
    return ApplicationCommunicator(EventStreamHandler(), scope)  # type: ignore[no-untyped-call]  # asgiref has no types


@pytest.mark.parametrize("full", [False, True])
async def test_the_handler_asks_again_after_the_wait_or_answers_where_it_is_full(
    transactional_db: None, alice: User, hub: Hub, settings: Settings, full: bool
) -> None:
    del transactional_db, hub  # the fixture has a Valkey
    settings.HEADWAY = settings.HEADWAY | {"STREAM_MAX_PER_USER": 0 if full else 5}
    job = await Job.objects.acreate(
        kind="simulate", title="Simulate", owner=alice, status=Status.RUNNING, attempt=1
    )
    await sync_to_async(announce.created)(job)
    known = (await sync_to_async(own_log().read)([str(job.pk)])).cursor
    client = await sync_to_async(poll)(job, alice, known)
    await client.send_input({"type": "http.request", "body": b""})
    if not full:
        await until(lambda: own_hub().readers)
        event = Event("progress", {"job": str(job.pk), "attempt": 1, "percent": 7.5})
        await sync_to_async(own_log().append)(str(job.pk), event, attempt=1)
    start = await client.receive_output(timeout=PATIENCE)
    headers = {name.lower(): value for name, value in start["headers"]}
    answer = json.loads((await client.receive_output())["body"])
    await client.wait()
    assert (int(headers[b"retry-after"]) >= 20, answer["percent"]) == (full, None if full else 7.5)
    await own_hub().close()

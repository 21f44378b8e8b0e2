"""`GET /jobs/<uuid>/status/?wait=20&cursor=N`: answered when there is news, cheap before."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest
from django.contrib.auth.models import User
from django.test import AsyncClient

from headway.models import ApiToken, Job, Status
from tests.http.conftest import Moving
from tests.support.servers import Hypercorn, Serve, Uvicorn
from tests.support.stack import Web, wait_until

POLLERS = 40
Ask = Callable[..., "Future[httpx.Response]"]


@pytest.fixture(scope="module", params=[Web, Uvicorn, Hypercorn])
def web(request: pytest.FixtureRequest, serve: Serve) -> Web:
    return serve(request.param, STREAM_MAX_PER_USER=str(POLLERS))


@pytest.fixture
def ask(program: httpx.Client, moving: Moving) -> Iterator[Ask]:
    """Asks for the job's status from a thread of its own."""
    with ThreadPoolExecutor(POLLERS + 1) as threads:

        def send(method: str = "GET", **query: Any) -> "Future[httpx.Response]":
            headers = query.pop("headers", None)
            return threads.submit(
                program.request, method, f"{moving.path}status/", params=query, headers=headers
            )

        yield send


def known(ask: Ask) -> dict[str, Any]:
    """What a first answer tells: the cursor to come back with, and the ETag."""
    answer = ask(wait=20).result()
    assert answer.json()["cursor"] == int(answer.headers["Progress-Cursor"])
    return {"cursor": answer.json()["cursor"], "etag": answer.headers["ETag"]}


def test_without_a_cursor_it_answers_at_once_and_gives_one(ask: Ask) -> None:
    answer = ask(wait=20).result(15)
    assert answer.status_code == 200
    assert answer.json()["cursor"] > 0
    assert answer.headers["Retry-After"] == "1"


def test_it_answers_as_soon_as_something_is_newer_than_the_cursor(ask: Ask, moving: Moving) -> None:
    cursor = known(ask)["cursor"]
    waiting = ask(wait=20, cursor=cursor)
    moving.wait_for_watchers()
    moving.say("a line changes nothing in the answer")
    assert not waiting.done()
    moving.move(12.5)
    answer = waiting.result(15)
    assert answer.json()["percent"] == 12.5
    assert answer.json()["cursor"] > cursor
    again = ask(wait=20, cursor=answer.json()["cursor"])
    moving.wait_for_watchers()
    moving.end()
    assert again.result(15).json()["status"] == "succeeded"
    assert "Retry-After" not in again.result().headers


def test_lines_alone_do_not_end_the_wait(ask: Ask, moving: Moving) -> None:
    first = known(ask)
    waiting = ask(wait=1, cursor=first["cursor"], headers={"If-None-Match": first["etag"]})
    moving.wait_for_watchers()
    moving.say("a line")
    assert waiting.result().status_code == 304
    assert waiting.result().elapsed.total_seconds() > 0.9
    assert int(waiting.result().headers["Progress-Cursor"]) > first["cursor"]


def test_what_happened_since_the_cursor_is_answered_at_once(ask: Ask, moving: Moving) -> None:
    cursor = known(ask)["cursor"]
    moving.move(30)
    assert ask(wait=20, cursor=cursor).result(15).json()["percent"] == 30


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_without_news_it_answers_after_the_wait(ask: Ask, method: str) -> None:
    first = known(ask)
    fresh, same = ask(method, wait=1, cursor=first["cursor"]), ask(
        method, wait=1, cursor=first["cursor"], headers={"If-None-Match": first["etag"]}
    )  # fmt: skip
    assert (fresh.result().status_code, same.result().status_code) == (200, 304)
    assert min(each.result().elapsed.total_seconds() for each in (fresh, same)) > 0.9
    assert (fresh.result().content == b"") == (method == "HEAD")
    assert same.result().content == b""
    assert same.result().headers["ETag"] == first["etag"]
    assert same.result().headers["Retry-After"] == "1"


def test_a_cursor_that_leads_nowhere_is_answered_at_once(ask: Ask) -> None:
    for cursor in ("garbage", "9" * 18, "1"):
        assert ask(wait=20, cursor=cursor).result(15).json()["status"] == "running", cursor


def test_a_wait_that_is_none_is_none(ask: Ask) -> None:
    cursor = known(ask)["cursor"]
    for wait in ("0", "-1", "soon", "1e9", ""):
        assert ask(wait=wait, cursor=cursor).result(15).status_code == 200, wait


def test_a_job_that_has_ended_is_not_waited_for(ask: Ask, moving: Moving) -> None:
    cursor = known(ask)["cursor"]
    Job.objects.filter(pk=moving.job.pk).update(status=Status.CANCELLED)
    answer = ask(wait=20, cursor=cursor).result(15)
    assert answer.json()["status"] == "cancelled"


def test_who_may_not_ask_any_longer_is_told_so(ask: Ask, moving: Moving) -> None:
    """The request is made again after the wait: a token that was revoked meanwhile is none."""
    waiting = ask(wait=20, cursor=known(ask)["cursor"])
    moving.wait_for_watchers()
    ApiToken.objects.all().delete()
    moving.move(50)
    assert waiting.result(15).status_code == 401


def test_a_client_that_leaves_is_forgotten(program: httpx.Client, ask: Ask, moving: Moving) -> None:
    cursor = known(ask)["cursor"]
    with pytest.raises(httpx.ReadTimeout):
        program.get(f"{moving.path}status/?wait=30&cursor={cursor}", timeout=0.5)
    moving.wait_for_watchers(0)


def test_waiting_holds_no_thread_and_no_database_connection_and_has_a_limit(
    web: Web, ask: Ask, moving: Moving
) -> None:
    cursor = known(ask)["cursor"]
    before = len(list(Path(f"/proc/{web.pid}/task").iterdir()))
    asked = [ask(wait=15, cursor=cursor) for _ in range(POLLERS + 1)]
    wait_until(lambda: any(each.done() for each in asked))
    [refused], waiting = [each for each in asked if each.done()], [e for e in asked if not e.done()]
    assert len(waiting) == POLLERS
    assert 20 <= int(refused.result().headers["Retry-After"]) <= 40
    assert refused.result().json()["percent"] is None
    wait_until(lambda: len(list(Path(f"/proc/{web.pid}/task").iterdir())) <= before + 3)
    files = [entry.readlink() for entry in Path(f"/proc/{web.pid}/fd").iterdir()]
    assert sum("test.sqlite3" in str(file) for file in files) < 10
    begun = time.monotonic()
    moving.move(77)
    assert {each.result(10).json()["percent"] for each in waiting} == {77}
    assert time.monotonic() - begun < 10


async def test_under_djangos_own_handler_it_answers_at_once(alice: User, moving: Moving) -> None:
    client = AsyncClient()
    await client.aforce_login(alice)
    answer = await client.get(f"{moving.path}status/?wait=20&cursor=0")
    assert answer.json()["status"] == "running"

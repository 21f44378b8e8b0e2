"""The streaming response: over real Daphne it costs neither threads nor connections, under any
other handler it is an ordinary asynchronous iterator."""

import asyncio
import json
import shlex
import uuid
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from asgiref.sync import sync_to_async
from asgiref.testing import ApplicationCommunicator
from django.conf import settings
from django.contrib.auth.models import User
from django.core.signals import request_finished
from django.test import AsyncClient, RequestFactory

from headway.lifecycle import announce
from headway.lifecycle.log import log
from headway.models import Job
from headway.stream import Event
from headway.stream.asking import Cursor, cursor
from headway.stream.http import EventStreamHandler, EventStreamResponse
from headway.web.streams import hub
from tests.support.patience import PATIENCE
from tests.support.servers import Serve
from tests.support.stack import Valkey, Web
from tests.support.users import session_of

VIEWERS = 40


class Uvicorn(Web):
    """The same application on a server that waits for slow clients."""

    def __init__(self) -> None:
        super().__init__()
        address = f"--host 127.0.0.1 --port {self.port} --no-access-log"
        self.command = [*shlex.split(f"uvicorn {address}"), "progress.asgi:application"]


@pytest.fixture(scope="module", params=[Web, Uvicorn])
def web(request: pytest.FixtureRequest, serve: Serve) -> Web:
    return serve(request.param)


@pytest.fixture
def job(valkey: Valkey, transactional_db: None, alice: User) -> Job:
    del valkey, transactional_db
    made = Job.objects.create(kind="simulate", title="Simulate", owner=alice)
    announce.created(made)
    return made


@pytest.fixture
async def client(web: Web, transactional_db: None, alice: User) -> AsyncIterator[httpx.AsyncClient]:
    del transactional_db
    cookie = {settings.SESSION_COOKIE_NAME: await sync_to_async(session_of)(alice)}
    limits = httpx.Limits(max_connections=200)
    async with httpx.AsyncClient(base_url=web.url, cookies=cookie, limits=limits) as opened:
        yield opened


@asynccontextmanager
async def opened(client: httpx.AsyncClient, url: str) -> AsyncIterator[AsyncIterator[str]]:
    """A stream of which the snapshot has been read."""
    async with client.stream("GET", url) as response:
        assert response.status_code == 200
        lines = response.aiter_lines()
        async for line in lines:
            if line.startswith("data: "):
                break
        yield lines


def threads(pid: int) -> int:
    return len(list(Path(f"/proc/{pid}/task").iterdir()))


def open_files(pid: int, name: str) -> int:
    links = (entry for entry in Path(f"/proc/{pid}/fd").iterdir() if entry.is_symlink())
    return sum(name in str(link.readlink()) for link in links)


@pytest.mark.parametrize(
    ("header", "query", "expected"),
    [
        (None, "", Cursor(None)),
        ("17", "", Cursor(17)),
        (None, "cursor=17", Cursor(17)),
        ("18", "cursor=17", Cursor(18)),
        ("", "cursor=17", Cursor(17)),
        (None, "cursor=", Cursor(None)),
        ("garbage", "cursor=17", Cursor(None, "unknown")),
        *(
            (bad, "", Cursor(None, "unknown"))
            for bad in ("-1", "+1", "1.5", "$", ">", "1-0", "9" * 19, "1,2", "\u0661", "<script>")
        ),
    ],
)
def test_a_cursor_is_digits_or_of_no_use(header: str | None, query: str, expected: Cursor) -> None:
    headers = {} if header is None else {"Last-Event-ID": header}
    request = RequestFactory(headers=headers).get(f"/?{query}")
    assert cursor(request) == expected


async def test_the_headers_keep_everybody_from_buffering_compressing_and_caching(
    client: httpx.AsyncClient, job: Job
) -> None:
    url, headers = f"/jobs/{job.pk}/events/", {"Accept-Encoding": "gzip"}
    async with client.stream("GET", url, headers=headers) as response:
        assert response.headers["content-type"] == "text/event-stream"
        assert response.headers["cache-control"] == "no-cache, no-transform"
        assert response.headers["x-accel-buffering"] == "no"
        assert response.headers["content-encoding"] == "identity"
        assert "content-length" not in response.headers


async def test_many_streams_hold_no_thread_and_no_database_connection(
    web: Web, client: httpx.AsyncClient, job: Job
) -> None:
    url = f"/jobs/{job.pk}/events/"
    async with opened(client, url):
        pass
    before = threads(web.pid)
    async with AsyncExitStack() as stack:
        for _ in range(VIEWERS):
            await stack.enter_async_context(opened(client, url))
        assert threads(web.pid) <= before + 2
        assert open_files(web.pid, "test.sqlite3") < 10  # a connection opens up to three files


async def test_a_viewer_who_leaves_is_forgotten(
    web: Web, client: httpx.AsyncClient, job: Job, valkey: Valkey
) -> None:
    channel = "{p}:live:" + str(job.pk)
    with valkey.client() as redis:
        async with opened(client, f"/jobs/{job.pk}/events/"):
            assert dict(redis.pubsub_numsub(channel))[channel.encode()] == 1
        async with asyncio.timeout(PATIENCE):
            while dict(redis.pubsub_numsub(channel))[channel.encode()]:  # noqa: ASYNC110 - nobody tells
                await asyncio.sleep(0.05)
    assert web.running


@pytest.mark.parametrize("bad", ["garbage", "99999999999999999", "-1", "\u00e4", "1" * 5000])
async def test_a_hostile_cursor_gets_resync_and_a_snapshot(
    client: httpx.AsyncClient, job: Job, bad: str
) -> None:
    headers = {b"Last-Event-ID": bad.encode("latin-1")}
    async with client.stream("GET", f"/jobs/{job.pk}/events/", headers=headers) as response:
        events = []
        async for line in response.aiter_lines():
            if line.startswith("event: "):
                events.append(line.removeprefix("event: "))
            if len(events) == 2:
                break
    assert events == ["resync", "snapshot"]


async def test_a_viewer_who_never_reads_costs_a_bounded_number_of_bytes(
    web: Web, client: httpx.AsyncClient, job: Job
) -> None:
    """Others get everything meanwhile, and so does the one who slept, when it wakes up."""
    texts = [f"{number} " + "x" * 1000 for number in range(1500)]
    async with client.stream("GET", f"/jobs/{job.pk}/events/?cursor=0") as asleep:
        for start in range(0, len(texts), 100):
            events = [
                (seq, Event("log", {"job": str(job.pk), "text": text}))
                for seq, text in enumerate(texts[start : start + 100], start + 1)
            ]
            await sync_to_async(log().append_all)(str(job.pk), events, attempt=0)
        async with client.stream("GET", f"/jobs/{job.pk}/events/?cursor=0") as awake:
            assert await lines_until(awake, texts[-1]) == texts
        assert await lines_until(asleep, texts[-1]) == texts
    assert web.running


async def lines_until(response: httpx.Response, last: str) -> list[str]:
    """The text of each log line of a stream up to the one that is awaited."""
    found: list[str] = []
    async with asyncio.timeout(PATIENCE):
        async for line in response.aiter_lines():
            if line.startswith("data: ") and "text" in (data := json.loads(line[6:])):
                found.append(data["text"])
                if found[-1] == last:
                    break
    return found


async def test_strangers_and_unknown_jobs_get_no_stream(
    web: Web, client: httpx.AsyncClient, job: Job, bob: User
) -> None:
    cookie = {settings.SESSION_COOKIE_NAME: await sync_to_async(session_of)(bob)}
    async with httpx.AsyncClient(base_url=web.url, cookies=cookie) as bobs:
        for url in (f"/jobs/{job.pk}/events/", f"/jobs/events/?job={job.pk}"):
            assert (await bobs.get(url)).status_code == 404
    assert (await client.get(f"/jobs/{uuid.uuid4()}/events/")).status_code == 404
    assert (await client.get("/jobs/events/?job=nonsense")).status_code == 404
    anonymous = httpx.AsyncClient(base_url=web.url)
    assert (await anonymous.get(f"/jobs/{job.pk}/events/")).status_code == 401
    await anonymous.aclose()


async def test_only_get_opens_a_stream(client: httpx.AsyncClient, job: Job) -> None:
    url = f"/jobs/{job.pk}/events/"
    head = await client.head(url)
    assert (head.status_code, head.content) == (200, b"")
    assert (await client.post(url)).status_code == 405
    assert (await client.options(url)).status_code == 204


async def test_the_same_response_works_under_djangos_own_handler(alice: User, job: Job) -> None:
    client = AsyncClient()
    await client.aforce_login(alice)
    response: Any = await client.get(f"/jobs/{job.pk}/events/")
    assert isinstance(response, EventStreamResponse)
    async with aclosing(response.stream) as pieces:
        assert (await anext(pieces)).startswith(b"retry: ")
        assert b"event: snapshot" in await anext(pieces)
    await hub().close()


def communicator(path: str, user: User) -> Any:
    """A connection to the handler in this process."""
    cookie = f"{settings.SESSION_COOKIE_NAME}={session_of(user)}".encode()
    headers = [(b"host", b"localhost"), (b"cookie", cookie)]
    scope = {
        "type": "http",
        "method": "GET",
        "path": path,
        "query_string": b"",
        "headers": headers,
    }
    return ApplicationCommunicator(EventStreamHandler(), scope)  # type: ignore[no-untyped-call]  # asgiref has no types


async def test_the_handler_sends_a_stream_after_its_request_is_over(alice: User, job: Job) -> None:
    finished = asyncio.Event()
    loop = asyncio.get_running_loop()

    def note(**_: object) -> None:
        loop.call_soon_threadsafe(finished.set)

    request_finished.connect(note)
    try:
        client = await sync_to_async(communicator)(f"/jobs/{job.pk}/events/", alice)
        await client.send_input({"type": "http.request", "body": b""})
        start = await client.receive_output(timeout=PATIENCE)
        assert (start["type"], start["status"]) == ("http.response.start", 200)
        assert (b"Content-Type", b"text/event-stream") in start["headers"]
        await asyncio.wait_for(finished.wait(), PATIENCE)
        assert (await client.receive_output())["body"].startswith(b"retry: ")
        assert b"event: snapshot" in (await client.receive_output())["body"]
        await client.send_input({"type": "http.disconnect"})
        await client.wait()
    finally:
        request_finished.disconnect(note)
    assert not hub().readers
    await hub().close()


async def test_the_handler_sends_everything_else_as_django_does(alice: User, job: Job) -> None:
    client = await sync_to_async(communicator)(f"/jobs/{job.pk}/status/", alice)
    await client.send_input({"type": "http.request", "body": b""})
    assert (await client.receive_output(timeout=PATIENCE))["status"] == 200
    assert str(job.pk).encode() in (await client.receive_output())["body"]
    await client.wait()


async def test_the_handler_answers_who_gets_no_stream(bob: User, job: Job) -> None:
    client = await sync_to_async(communicator)(f"/jobs/{job.pk}/events/", bob)
    await client.send_input({"type": "http.request", "body": b""})
    assert (await client.receive_output(timeout=PATIENCE))["status"] == 404
    await client.receive_output()
    await client.wait()


async def test_other_responses_are_djangos(client: httpx.AsyncClient) -> None:
    assert (await client.get("/healthz")).status_code == 200
    assert (await client.get("/nowhere/")).status_code == 404

"""GET /chat/: the model's answer as Server-Sent Events, over real web servers."""

import asyncio
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import User
from django.test import AsyncClient
from django.utils import timezone

from headway.models import ApiToken
from headway.web import tokens
from tests.llm.conftest import AT_ONCE, KEY, URL
from tests.support.llm_server import CUT, LlmServer, Piece, end, refusal, token, words
from tests.support.processes import wait_until
from tests.support.servers import Uvicorn
from tests.support.stack import Web


def threads(web: Web) -> int:
    return len(list(Path(f"/proc/{web.pid}/task").iterdir()))


def database_files(web: Web) -> int:
    links = (each for each in Path(f"/proc/{web.pid}/fd").iterdir() if each.is_symlink())
    return sum("test.sqlite3" in str(link.readlink()) for link in links)


def text(response: httpx.Response) -> str:
    """What was said, without the signs of life that a busy machine has time for."""
    return response.text.replace(": keepalive\n\n", "")


def test_each_piece_is_an_event_and_done_comes_last(client: httpx.Client, model: LlmServer) -> None:
    model.expect(words("Because", "\n\n🎈", "data: [DONE]"))
    response = client.get(URL)
    assert response.headers["content-type"] == "text/event-stream"
    assert response.headers["cache-control"] == "no-cache, no-transform"
    assert response.headers["content-encoding"] == "identity"
    assert text(response) == (
        "id: 1\n\n"
        'data: {"content":"Because"}\n\n'
        'data: {"content":"\\n\\n\\ud83c\\udf88"}\n\n'
        'data: {"content":"data: [DONE]"}\n\n'
        "data: [DONE]\n\n"
    )
    assert model.requests[0]["messages"] == [{"role": "user", "content": "Why?"}]


def test_a_naive_reader_reads_it(client: httpx.Client, model: LlmServer) -> None:
    model.expect([b": thinking\n\n", *words("Be", "cause", " 🎈\n")])
    answer = ""
    with client.stream("GET", URL) as response:
        for line in response.iter_lines():
            if line == "data: [DONE]":
                break
            if line.startswith("data: "):
                answer += json.loads(line.removeprefix("data: "))["content"]
    assert answer == "Because 🎈\n"


async def test_a_naive_asynchronous_reader_reads_it_while_the_model_speaks(
    aclient: httpx.AsyncClient, model: LlmServer
) -> None:
    go_on = threading.Event()
    model.expect([token("first"), go_on, token(" second"), end()])
    answer = ""
    async with aclient.stream("GET", URL) as response:
        async for line in response.aiter_lines():
            if line == "data: [DONE]":
                break
            if line.startswith("data: "):
                answer += json.loads(line.removeprefix("data: "))["content"]
                go_on.set()  # only now, so the first piece cannot have waited for the second
    assert answer == "first second"


def test_a_silent_model_does_not_make_a_silent_stream(
    client: httpx.Client, model: LlmServer
) -> None:
    go_on = threading.Event()
    model.expect([go_on, token("now"), end()])
    with client.stream("GET", URL) as response:
        lines = []
        for line in response.iter_lines():
            lines.append(line)
            if line == ": keepalive":
                go_on.set()
    assert lines[-4:] == ['data: {"content":"now"}', "", "data: [DONE]", ""]


@pytest.mark.parametrize(
    ("pieces", "before", "told"),
    [
        ([token("Half"), CUT], ["Half"], "broke in the middle"),
        ([token("Half"), end("content_filter")], ["Half"], "content rules"),
        ([token("Half"), end("length")], ["Half"], "was cut"),
        (None, [], "rejected the key"),
    ],
)
def test_an_error_is_an_event_and_the_stream_still_ends_as_ever(
    client: httpx.Client,
    model: LlmServer,
    pieces: list[Piece] | None,
    before: list[str],
    told: str,
) -> None:
    model.expect(pieces or refusal("401 Unauthorized", f"Wrong key: {KEY}"))
    response = client.get(URL)
    *blocks, error, done, rest = text(response).split("\n\n")
    assert (done, rest) == ("data: [DONE]", "")
    assert [json.loads(block[6:])["content"] for block in blocks[1:]] == before
    name, data = error.split("\n")
    assert name == "event: error"
    assert json.loads(data[6:])["error"] is True
    assert told in json.loads(data[6:])["message"]
    assert KEY not in response.text


def test_a_client_who_leaves_stops_the_model(client: httpx.Client, model: LlmServer) -> None:
    given = model.expect([token("Well,"), threading.Event()], [threading.Event()])
    with client.stream("GET", URL) as response:
        lines = response.iter_lines()
        while next(lines) != 'data: {"content":"Well,"}':
            pass
    wait_until(given[0].left.is_set)
    with client.stream("GET", URL):
        wait_until(lambda: len(model.requests) == 2)
    wait_until(given[1].left.is_set)


def test_an_answer_ends_when_its_reader_may_read_no_more(
    client: httpx.Client, model: LlmServer
) -> None:
    [given] = model.expect([token("first"), threading.Event()])
    with client.stream("GET", URL) as response:
        lines = response.iter_lines()
        while "first" not in next(lines):
            pass
        ApiToken.objects.update(revoked_at=timezone.now())
        assert [line for line in lines if line and not line.startswith(":")] == [
            "event: auth",
            "data: {}",
            "data: [DONE]",
        ]
    wait_until(given.left.is_set)


async def test_streams_hold_no_thread_and_no_database_connection_and_are_limited(
    web: Web, aclient: httpx.AsyncClient, headers: dict[str, str], model: LlmServer, boss: User
) -> None:
    assert (await aclient.get(URL)).text.endswith("[DONE]\n\n")
    before, [given] = threads(web), model.expect([token("Well,"), threading.Event()])
    reading = []
    async with AsyncExitStack() as stack:
        for _ in range(AT_ONCE):
            response = await stack.enter_async_context(aclient.stream("GET", URL))
            reading.append(response.aiter_lines())
            while await anext(reading[-1]) != 'data: {"content":"Well,"}':
                pass
        assert threads(web) <= before + 1
        assert database_files(web) < 4  # one connection
        refused = await aclient.get(URL)
        assert (refused.status_code, refused.json()["status"]) == (429, 429)
        _, others = await sync_to_async(tokens.issue)(boss)
        bosss = {"Authorization": f"Bearer {others}"}
        async with aclient.stream("GET", URL, headers=bosss) as response:
            assert response.status_code == 200
    await asyncio.to_thread(wait_until, given.left.is_set)
    model.expect(words("yes"))

    def free() -> bool:
        return httpx.get(web.url + URL, headers=headers).status_code == 200

    await asyncio.to_thread(wait_until, free)


def test_a_client_who_does_not_read_slows_the_model_down(
    web: Web, headers: dict[str, str], model: LlmServer
) -> None:
    sent = 0

    def endless() -> Iterator[Piece]:
        nonlocal sent
        while True:
            yield token("🎈" * 900)  # twelve bytes each
            sent += 1

    [given] = model.expect([])
    given.pieces = endless()
    small = httpx.HTTPTransport(socket_options=[(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)])
    with (
        httpx.Client(transport=small, headers=headers) as client,
        client.stream("GET", web.url + URL),
    ):
        if isinstance(web, Uvicorn):
            wait_until(lambda: sent > 100)
            last = -1
            while last != (last := sent):  # until nothing more is taken
                threading.Event().wait(0.3)
            assert not given.left.is_set()
        else:  # Daphne waits for nobody: an answer is cut at its greatest length
            wait_until(given.left.is_set)
    wait_until(given.left.is_set)
    assert sent < 3000


async def test_the_same_response_works_under_djangos_own_handler(
    transactional_db: None, model: LlmServer, alice: User
) -> None:
    client = AsyncClient()
    await client.aforce_login(alice)
    response: Any = await client.get(URL)
    pieces = [piece async for piece in response.streaming_content]
    assert b"".join(pieces).endswith(b'data: {"content":" world"}\n\ndata: [DONE]\n\n')

"""One question, asked of a server that refuses, breaks off, is silent, or never ends."""

import asyncio
import gzip
import logging
import socket
import threading
from collections.abc import Iterable

import pytest
from pytest_django import Settings

from jobs.llm import model_answer
from jobs.llm.language_model import CutError, ModelError
from jobs.llm.model_answer import MAX_LINE_BYTES, answer
from tests.llm.conftest import KEY
from tests.support.llm_server import CUT, DONE, Answer, LlmServer, Piece, chunk, end, refusal, token
from tests.support.processes import wait_until
from tests.support.stack import free_port


async def failing() -> tuple[list[str], ModelError]:
    """What came before it failed, and how."""
    arrived: list[str] = []
    try:
        async for piece in answer("Why?"):
            arrived.append(piece)  # noqa: PERF401 - what came first counts
    except ModelError as error:
        return arrived, error
    raise AssertionError("it did not fail")


@pytest.mark.parametrize(
    ("status", "told"),
    [
        ("400 Bad Request", "did not accept"),
        ("401 Unauthorized", "LLM_API_KEY"),
        ("403 Forbidden", "LLM_API_KEY"),
        ("404 Not Found", "LLM_MODEL"),
        ("413 Content Too Large", "too long"),
        ("418 I'm a teapot", "did not accept"),
        ("429 Too Many Requests", "is overloaded"),
        ("500 Internal Server Error", "reports an error"),
        ("503 Service Unavailable", "reports an error"),
    ],
)
async def test_a_refusal_is_a_sentence_without_the_servers_words(
    model: LlmServer, caplog: pytest.LogCaptureFixture, status: str, told: str
) -> None:
    message = f"Incorrect API key provided: {KEY}"
    model.expect(refusal(status, message, **{"x-request-id": f"req-{KEY}"}))
    with caplog.at_level(logging.DEBUG, "jobs"):
        arrived, error = await failing()
    assert (arrived, told in str(error)) == ([], True)
    assert KEY not in str(error)
    assert KEY not in caplog.text
    assert status[:3] in caplog.text
    assert error.__suppress_context__


async def test_nobody_listening_is_a_sentence(model: LlmServer, settings: Settings) -> None:
    settings.LLM_BASE_URL = f"http://127.0.0.1:{free_port()}/v1"
    arrived, error = await failing()
    assert (arrived, str(error)) == (
        [],
        "The model's server cannot be reached. Try again later.",
    )


BROKEN = "The connection to the model broke in the middle of the answer."
NO_ANSWER = "The model's server sent something that is not an answer."
ENDED = "The model's server ended the answer with an error."


@pytest.mark.parametrize(
    ("rest", "told"),
    [
        pytest.param([CUT], BROKEN, id="cut"),
        pytest.param([], BROKEN, id="half"),
        pytest.param([DONE], BROKEN, id="no reason"),
        pytest.param([b"data: {\n\n"], NO_ANSWER, id="broken JSON"),
        pytest.param([b"data: \xff\xff\n\n"], NO_ANSWER, id="no UTF-8"),
        pytest.param([b"data: 5\n\n"], NO_ANSWER, id="a number"),
        pytest.param([b"data: []\n\n"], NO_ANSWER, id="a list"),
        pytest.param([b'data: {"choices": 5}\n\n'], NO_ANSWER, id="choices"),
        pytest.param([chunk(delta=None)], NO_ANSWER, id="no delta"),
        pytest.param([chunk(delta={"content": {"a": 1}})], NO_ANSWER, id="content"),
        pytest.param([b"data: " + b"[" * 100_000 + b"\n\n"], NO_ANSWER, id="deep"),
        pytest.param([b"data: ", *[b"x" * 65536] * 17], NO_ANSWER, id="one line"),
        pytest.param([b'data: {"error": {"message": "boom"}}\n\n'], ENDED, id="error"),
        pytest.param([b'event: error\ndata: {"error": "boom"}\n\n'], ENDED, id="error event"),
        pytest.param([end("content_filter")], "content rules", id="filter"),
    ],
)
async def test_an_answer_that_breaks_keeps_what_came_and_says_why(
    model: LlmServer, rest: list[Piece], told: str
) -> None:
    model.expect([token("half an"), *rest])
    arrived, error = await failing()
    assert arrived == ["half an"]
    assert told in str(error)


@pytest.mark.parametrize("kind", ["text/html", "application/json", ""])
async def test_what_is_no_stream_is_not_taken_for_an_empty_answer(
    model: LlmServer, kind: str
) -> None:
    model.expect(Answer([b"<h1>It works!</h1>"], kind=kind))
    assert NO_ANSWER in str((await failing())[1])


@pytest.mark.parametrize("status", ["200 OK", "400 Bad Request", "503 Service Unavailable"])
async def test_what_is_compressed_is_not_unpacked_and_asked_for_once(
    model: LlmServer, status: str
) -> None:
    bomb = gzip.compress(b"data: " + bytes(10 * MAX_LINE_BYTES))
    model.expect(Answer([bomb], status, headers={"Content-Encoding": "gzip"}))
    assert "compresses its answer" in str((await failing())[1])
    [head] = model.heads
    assert "accept-encoding: identity" in head.lower()


async def test_a_server_that_takes_no_connection_is_told_from_a_silent_one(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(model_answer, "CONNECT", 0.1)
    settings.LLM_MODEL = "parrot"
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full:
        host, port = full.getsockname()
        settings.LLM_BASE_URL = f"http://{host}:{port}/v1"
        with socket.create_connection((host, port)):  # all that it lets wait
            told = str((await failing())[1])
    assert told == "The model's server accepted no connection within 0.1 s. Try again later."


async def test_a_silent_model_has_failed_after_a_while(
    model: LlmServer, settings: Settings
) -> None:
    settings.LLM_TIMEOUT = 0.2
    [given] = model.expect([token("I"), threading.Event()])
    arrived, error = await failing()
    assert (arrived, str(error)) == (["I"], "The model was silent for 0.2 s.")
    wait_until(given.left.is_set)


async def test_a_model_that_does_not_begin_is_not_asked_again(
    model: LlmServer, settings: Settings
) -> None:
    settings.LLM_TIMEOUT = 0.2

    def silence() -> Iterable[Piece]:
        yield threading.Event()

    model.expect(Answer(silence(), status="200 OK"))
    assert str((await failing())[1]) == "The model was silent for 0.2 s."
    assert len(model.requests) == 1


async def test_a_model_that_never_comes_to_an_end_has_failed_too(
    model: LlmServer, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The time is over as soon as it thinks: not before it was asked, however busy the machine."""
    settings.LLM_MAX_SECONDS, settings.LLM_TIMEOUT = 600, 1200
    passed = [0.0]
    loop = asyncio.get_running_loop()
    clock = loop.time
    monkeypatch.setattr(loop, "time", lambda: clock() + passed[0])

    def thinking() -> Iterable[Piece]:
        while True:
            yield b": thinking\n\n"
            threading.Event().wait(0.02)
            passed[0] = 600

    [given] = model.expect(Answer(thinking()))
    assert str((await failing())[1]) == "The answer took longer than 600 s."
    wait_until(given.left.is_set)


@pytest.mark.parametrize("size", [1, 7, 1000])
async def test_an_answer_without_end_is_cut_and_the_model_stopped(
    model: LlmServer, settings: Settings, size: int
) -> None:
    settings.LLM_MAX_ANSWER = 100
    [given] = model.expect([token("x" * size) for _ in range(1000)] + [threading.Event()])
    arrived, error = await failing()
    assert "".join(arrived) == "x" * 100
    assert isinstance(error, CutError)
    wait_until(given.left.is_set)


async def test_the_models_own_limit_is_a_cut(model: LlmServer) -> None:
    model.expect([token("long"), end("length")])
    arrived, error = await failing()
    assert (arrived, type(error)) == (["long"], CutError)


async def test_without_a_model_the_sentence_says_what_to_set(settings: Settings) -> None:
    settings.LLM_BASE_URL = ""
    assert "LLM_BASE_URL, LLM_MODEL" in str((await failing())[1])

"""One question, asked over HTTP of a server that speaks OpenAI's dialect, well or badly."""

import asyncio
import json
import threading
from contextlib import aclosing

import pytest
from pytest_django import Settings

from jobs.llm.model_answer import answer
from tests.llm.conftest import KEY
from tests.support.llm_server import DONE, LlmServer, Piece, chunk, end, refusal, token, words
from tests.support.processes import wait_until


async def pieces() -> list[str]:
    return [piece async for piece in answer("Why?")]


async def test_an_answer_comes_in_the_pieces_of_the_server(model: LlmServer) -> None:
    model.expect(words("Hello", " world", "\n", "…\r\n", " "))
    assert await pieces() == ["Hello", " world", "\n", "…\r\n", " "]
    assert model.requests == [
        {"model": "parrot", "stream": True, "messages": [{"role": "user", "content": "Why?"}]}
    ]
    assert f"authorization: bearer {KEY}" in model.heads[0].lower()


async def test_instructions_come_first(model: LlmServer) -> None:
    assert "".join([piece async for piece in answer("Why?", "In French.")]) == "Hello world"
    roles = [(each["role"], each["content"]) for each in model.requests[0]["messages"]]
    assert roles == [("system", "In French."), ("user", "Why?")]


async def test_a_piece_arrives_while_the_model_is_still_thinking(model: LlmServer) -> None:
    go_on = threading.Event()
    model.expect([token("first"), go_on, token("second"), end()])
    async with aclosing(answer("Why?")) as arriving:
        assert await anext(arriving) == "first"
        assert not go_on.is_set()
        go_on.set()
        assert await anext(arriving) == "second"


async def test_bytes_may_be_cut_anywhere(model: LlmServer) -> None:
    whole = b"".join(words("naïve", " 🎈", "\n\ndata: [DONE]\n\n", '{"a": 1}'))  # type: ignore[arg-type]  # all are bytes
    raw = whole.replace(b"\\u00ef", "ï".encode()).replace(b"\\ud83c\\udf88", "🎈".encode())
    model.expect([raw[at : at + 1] for at in range(len(raw))])
    assert await pieces() == ["naïve", " 🎈", "\n\ndata: [DONE]\n\n", '{"a": 1}']


async def test_an_emoji_cut_into_two_pieces_is_one_again(model: LlmServer) -> None:
    model.expect(words("a\ud83c", "\udf88b", "\ud83c", "c", "\udf88", "\ud83c"))
    assert "".join(await pieces()) == "a🎈b�c��"
    model.expect([chunk(delta={"content": "\ud83c"}, finish_reason="stop"), DONE])
    assert await pieces() == ["�"]


@pytest.mark.parametrize(
    "answers",
    [
        pytest.param([token("yes"), chunk(finish_reason="stop")], id="no [DONE]"),
        pytest.param([b": hello\n\n", b"\xef\xbb\xbf", *words("yes")], id="comments"),
        pytest.param([b'data: {"choices": []}\n\n', *words("yes")], id="no choice"),
        pytest.param([b'data: {"choices": null}\n\n', *words("yes")], id="null"),
        pytest.param([(token("yes") + end()).replace(b"\n", b"\r\n")], id="CRLF"),
        pytest.param([chunk(delta={"refusal": "yes"}), end()], id="refusal"),
        pytest.param([token("yes"), chunk(), end("tool_calls")], id="another end"),
    ],
)
async def test_servers_that_differ_a_little_are_understood(
    model: LlmServer, answers: list[Piece]
) -> None:
    model.expect(answers)
    assert await pieces() == ["yes"]


async def test_a_server_in_passing_trouble_is_asked_again(model: LlmServer) -> None:
    trouble = refusal("503 Service Unavailable")
    trouble.headers = {"retry-after-ms": "1"}
    model.expect(trouble, words("yes"))
    assert await pieces() == ["yes"]
    assert len(model.requests) == 2


async def test_an_answer_of_just_the_size_is_not_cut(model: LlmServer, settings: Settings) -> None:
    settings.LLM_MAX_ANSWER = 11
    assert "".join(await pieces()) == "Hello world"


async def test_leaving_the_loop_stops_the_request(model: LlmServer) -> None:
    [given] = model.expect([token("one"), threading.Event()])
    async with aclosing(answer("Why?")) as arriving:
        async for _ in arriving:
            break
    await asyncio.to_thread(wait_until, given.left.is_set)


async def test_cancelling_stops_the_request_of_a_silent_model(model: LlmServer) -> None:
    [given] = model.expect([threading.Event()])
    task = asyncio.create_task(pieces())
    await asyncio.to_thread(wait_until, lambda: model.requests)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await asyncio.to_thread(wait_until, given.left.is_set)


async def test_without_a_key_none_is_shown(model: LlmServer, settings: Settings) -> None:
    settings.LLM_API_KEY = ""
    assert "".join(await pieces()) == "Hello world"
    assert json.dumps(model.heads).count("sk-") == 0

"""Blocks of a stream as messages of a WebSocket, and what its client sends."""

import json

import pytest

from headway.stream import sse
from headway.stream.event import to_json
from headway.stream.websocket_messages import frames, joined, parsed, told


def test_each_block_becomes_one_object_of_its_fields() -> None:
    piece = b"".join(
        [
            sse.encode(id="7", retry=2000),
            sse.KEEPALIVE,
            sse.encode('{"text":"a: b"}', event="log", id="8"),
            sse.encode("[DONE]", event="done"),
        ]
    )
    shown = frames(piece)
    assert [each.event for each in shown] == ["", "log", "done"]
    assert [json.loads(line) for line in joined(shown, 'a "name"').splitlines()] == [
        {"stream": 'a "name"', "retry": 2000, "id": "7"},
        {"stream": 'a "name"', "id": "8", "event": "log", "data": {"text": "a: b"}},
        {"stream": 'a "name"', "event": "done", "data": "[DONE]"},
    ]


def test_an_event_of_the_log_is_what_it_was() -> None:
    data = {"text": "[DONE]\n\nevent: done é 🎈"}
    [frame] = frames(sse.encode(to_json(data), event="warning", id="9"))
    assert json.loads(joined([frame], None)) == {"id": "9", "event": "warning", "data": data}


def test_nothing_but_a_comment_is_nothing() -> None:
    assert frames(sse.KEEPALIVE) == ()
    assert joined([], "any") == b""


def test_what_is_no_block_names_no_stream() -> None:
    assert json.loads(joined([told("pong", {})], None)) == {"event": "pong", "data": {}}


@pytest.mark.parametrize("text", ["", "{", "[]", "5", "null", "[" * 100_000, b"\xff", b""])
def test_what_is_no_object_of_json_is_none(text: str | bytes) -> None:
    assert parsed(text) is None


@pytest.mark.parametrize("text", ['{"a": 1}', b'{"a": 1}'])
def test_an_object_may_be_text_or_bytes(text: str | bytes) -> None:
    assert parsed(text) == {"a": 1}

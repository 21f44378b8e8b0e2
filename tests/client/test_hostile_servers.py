"""What `watch` and `awatch` do when a server or a proxy misbehaves."""

import gzip
import json
import socket
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from headway.client import GaveUpError, RefusedError, StreamEvent
from headway.stream import following
from tests.client.hostile import Hostile, answer
from tests.client.reading import Read, read, read_async

QUICK: dict[str, Any] = {"backoff": 0.02, "timeout": 5.0}
ONE = b'retry: 10\nid: 0\n\nid: 1\nevent: log\ndata: {"n":1}\n\n'
TWO = b'id: 2\nevent: log\ndata: {"n":2}\n\n'
END = b"event: done\ndata: [DONE]\n\n"
BOTH = [StreamEvent("log", {"n": 1}, "1"), StreamEvent("log", {"n": 2}, "2")]


@pytest.fixture(params=[read, read_async], ids=["watch", "awatch"])
def client(request: pytest.FixtureRequest) -> Read:
    found: Read = request.param
    return found


@pytest.mark.parametrize("cut", range(len(TWO)))
def test_half_a_block_is_none_and_comes_again_whole(cut: int) -> None:
    with Hostile(answer(ONE + TWO[:cut]), answer(TWO + END)) as server:
        assert read(server.url, **QUICK) == BOTH
        assert server.cursors() == [None, "1"]


def test_a_cut_stream_goes_on_after_the_last_event(client: Read) -> None:
    with Hostile(answer(ONE), answer(b""), answer(TWO), answer(END)) as server:
        assert client(server.url, **QUICK) == BOTH
        assert server.cursors() == [None, "1", "1", "2"]


def test_it_ends_at_done_although_the_connection_stays_open(client: Read) -> None:
    server = Hostile()
    server._script = (server.silent(answer(ONE + TWO + END + ONE)),)
    with server:
        assert client(server.url, **QUICK) == BOTH


def test_it_starts_where_the_caller_says(client: Read) -> None:
    with Hostile(answer(END)) as server:
        assert client(server.url, cursor=41, headers={"X-Mine": "yes"}, token="t") == []
        [head] = server.requests
    for line in ("Last-Event-ID: 41", "X-Mine: yes", "Authorization: Bearer t"):
        assert line.lower() in head.lower()
    assert "accept: text/event-stream" in head.lower()


@pytest.mark.parametrize("status", ["204 x", "400 x", "401 x", "403 x", "404 x", "405 x", "410 x"])
def test_a_refusal_for_good_is_an_error_at_once(client: Read, status: str) -> None:
    with Hostile(answer(status=status)) as server:
        with pytest.raises(RefusedError, match=status[:3]) as error:
            client(server.url, **QUICK)
        assert error.value.status == int(status[:3])
        assert len(server.requests) == 1


@pytest.mark.parametrize("status", ["408 x", "425 x", "429 x", "500 x", "502 x", "503 x", "504 x"])
def test_what_may_pass_is_tried_again(status: str) -> None:
    with Hostile(answer(b"<h1>", status, "text/html"), answer(ONE + TWO + END)) as server:
        assert read(server.url, **QUICK) == BOTH


def test_a_401_in_the_middle_ends_it_after_what_came(client: Read) -> None:
    got: list[StreamEvent] = []
    script = answer(ONE), answer(status="401 Unauthorized")
    with Hostile(*script) as server, pytest.raises(RefusedError) as error:
        client(server.url, got.append, **QUICK)
    assert (error.value.status, got) == (401, BOTH[:1])


def test_a_redirect_is_not_followed_and_gets_no_token(client: Read) -> None:
    with Hostile(answer(b"<h1>Sign in</h1>", kind="text/html")) as other:
        moved = answer(status="302 Found", more=f"Location: {other.url}\r\n")
        with Hostile(moved) as server, pytest.raises(RefusedError, match=other.url):
            client(server.url, token="secret", **QUICK)
        assert other.requests == []


def test_a_wrong_type_is_forgiven_once(client: Read) -> None:
    html = answer(b"<h1>We are back soon</h1>", kind="text/html; charset=utf-8")
    with Hostile(html, answer(ONE), html, answer(TWO + END)) as server:
        assert client(server.url, **QUICK) == BOTH
    with Hostile(html) as server, pytest.raises(RefusedError, match="text/html"):
        client(server.url, **QUICK)


def test_silence_is_a_lost_connection(client: Read) -> None:
    server = Hostile()
    server._script = (server.silent(answer(ONE)), server.silent(), answer(TWO + END))
    with server:
        assert client(server.url, backoff=0.02, timeout=0.3) == BOTH
        assert server.cursors() == [None, "1", "1"]


def test_comments_are_signs_of_life(client: Read) -> None:
    def living() -> Iterator[bytes]:
        yield answer(ONE)
        for _ in range(8):
            time.sleep(0.1)
            yield b": keepalive\n\n"
        yield TWO + END

    with Hostile(living()) as server:
        assert client(server.url, backoff=0.02, timeout=0.4) == BOTH
        assert len(server.requests) == 1


def test_leaving_an_endless_stream_closes_its_connection(client: Read) -> None:
    def endless() -> Iterator[bytes]:
        yield answer(ONE)
        while True:
            yield TWO * 100

    class Enough(Exception):  # noqa: N818 - how the reader leaves
        pass

    seen: list[StreamEvent] = []

    def take(event: StreamEvent) -> None:
        seen.append(event)
        if len(seen) == 1000:
            raise Enough

    with Hostile(endless()) as server:
        with pytest.raises(Enough):
            client(server.url, take, **QUICK)
        assert server.left.wait(10)


def test_a_line_of_ten_megabytes_is_read(client: Read) -> None:
    text = "x" * 10_000_000
    body = f"event: output\ndata: {json.dumps(text)}\n\n".encode()
    with Hostile(answer(body + END)) as server:
        [event] = client(server.url, **QUICK)
    assert event.data == text


def test_a_line_without_an_end_is_not_kept_for_ever(
    client: Read, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "MAX_EVENT", 1_000_000)

    def endless() -> Iterator[bytes]:
        yield answer(b"data: ")
        while True:
            yield b"x" * 65536

    with Hostile(endless()) as server, pytest.raises(RefusedError):
        client(server.url, **QUICK)


@pytest.mark.parametrize("text", ["[" * 100_000, "{", "plain", "1" * 5000, "NaN,", ""])
def test_data_that_is_no_json_is_text(text: str) -> None:
    with Hostile(answer(f"data: {text}\n\n".encode() + END)) as server:
        assert read(server.url, **QUICK) == [StreamEvent("message", text, "")]


@pytest.mark.parametrize("bad", ["\x01", "\x7f", " ", "\t"])
def test_an_id_that_no_header_can_hold_is_not_sent(bad: str) -> None:
    first = f"retry: 10\nid: {bad}\ndata: 1\n\n".encode()
    with Hostile(answer(first), answer(END)) as server:
        assert [event.data for event in read(server.url, **QUICK)] == [1]
        assert server.cursors() == [None, None]


def test_an_id_beyond_ascii_is_sent_in_utf8() -> None:
    with Hostile(answer("id: größe\ndata: 1\n\n".encode()), answer(END)) as server:
        read(server.url, **QUICK)
        assert server.cursors() == [None, "größe".encode().decode("latin-1")]


@pytest.mark.parametrize("coding", ["gzip", "gzip, gzip", "br"])
def test_compression_nobody_asked_for_is_never_undone(client: Read, coding: str) -> None:
    bomb = gzip.compress(gzip.compress(b"data: " + bytes(1_000_000)))
    packed = answer(bomb, more=f"Content-Encoding: {coding}\r\n")
    whole = answer(ONE + TWO + END, more="Content-Encoding: identity\r\n")
    with Hostile(packed, whole) as server:
        assert client(server.url, **QUICK) == BOTH
        assert "accept-encoding: identity" in server.requests[0].lower()
    with Hostile(packed) as server, pytest.raises(RefusedError, match=rf"compressed \({coding}\)"):
        client(server.url, **QUICK)
    assert len(server.requests) == 2


def test_busy_is_no_event_and_says_when_to_come_back(client: Read) -> None:
    busy = b'retry: 300\nevent: busy\ndata: {"retry":300}\n\n'
    with Hostile(answer(busy), answer(ONE + TWO + END)) as server:
        begun = time.monotonic()
        assert client(server.url, **QUICK) == BOTH
        assert time.monotonic() - begun >= 0.3


def test_garbage_between_events_never_raises(client: Read) -> None:
    noise = b"\xff\xfe\n: \x00\nretry: x\nid: 1\x00\nunknown\n\n"
    with Hostile(answer(noise + ONE + noise + TWO + END)) as server:
        assert client(server.url, **QUICK) == BOTH


def test_it_gives_up_after_the_time_that_was_allowed(client: Read) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/"
    begun = time.monotonic()
    with pytest.raises(GaveUpError, match=r"No stream for 0\.6 s"):
        client(url, give_up=0.6, backoff=0.05)
    assert time.monotonic() - begun < 2
    with Hostile(answer(b"retry: 10\nid: 0\n\n")) as server, pytest.raises(GaveUpError):
        client(server.url, give_up=0.6, backoff=0.05)


@pytest.mark.parametrize("url", ["ftp://127.0.0.1/", "127.0.0.1", ""])
def test_an_address_of_no_use_is_an_error_at_once(client: Read, url: str) -> None:
    with pytest.raises((httpx.UnsupportedProtocol, httpx.InvalidURL)):
        client(url)


def test_a_token_that_no_header_can_hold_is_an_error_at_once(client: Read) -> None:
    with Hostile(answer(END)) as server, pytest.raises(httpx.LocalProtocolError):
        client(server.url, token="two\nlines")

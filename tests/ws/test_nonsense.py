"""Whatever is sent over a WebSocket, however much of it, the connection answers or is closed."""

import json
from contextlib import suppress

from hypothesis import strategies as st
from websockets.exceptions import ConnectionClosed

from headway.models import Job
from headway.stream.event import VERSION
from headway.stream.websocket import (
    LATER,
    MAX_MESSAGE,
    MAX_WAITING,
    RETURN,
    SIGN_IN,
    TOO_EAGER,
    TOO_LARGE,
)
from headway.web.websocket import MAX_NAME_LENGTH
from tests.support.servers import Uvicorn
from tests.support.stack import Web
from tests.support.thorough import Fuzz
from tests.ws.client import Client, refusal

NONSENSE: list[str | bytes] = [
    "",
    "nonsense",
    "[]",
    "null",
    "{",
    "[" * 50_000,
    "1" * 5000,
    '{"type": 1}',
    '{"type": ["subscribe"]}',
    '{"type": "shout"}',
    '{"type": "subscribe", "jobs": "all"}',
    '{"type": "subscribe", "jobs": []}',
    '{"type": "subscribe", "jobs": {}}',
    '{"type": "subscribe", "jobs": [null, 1, {}, [], "\\ud800", "\\u0000"]}',
    '{"type": "subscribe", "cursor": [1]}',
    '{"type": "subscribe", "stream": 1}',
    json.dumps({"type": "subscribe", "stream": "x" * (MAX_NAME_LENGTH + 1)}),
    '{"type": "unsubscribe", "stream": "nobody\'s"}',
    '{"type": "cancel"}',
    '{"type": "cancel", "job": ["x"]}',
    b"\xff\xfe",
    b"",
]
OURS = (LATER, RETURN, SIGN_IN, TOO_EAGER, TOO_LARGE)
SENT: st.SearchStrategy[str | bytes] = (
    st.sampled_from(NONSENSE) | st.text(st.characters(exclude_categories=["Cs"])) | st.binary()
)


def test_what_makes_no_sense_is_refused_and_the_connection_stays_open(client: Client) -> None:
    for text in NONSENSE:
        client.connection.send(text)
        kind, message, _ = refusal(client.take())
        assert message.endswith("."), text
        assert kind is None or f'"{kind}"' in str(text)
    assert client.ask("ping")["event"] == "pong"


def test_whatever_is_sent_the_connection_answers_or_is_closed_with_a_code(
    web: Web, token: str, job: Job, fuzz: Fuzz
) -> None:
    pieces = SENT | st.fixed_dictionaries(
        {"type": st.sampled_from(["subscribe", "unsubscribe", "cancel", "ping", "x"])},
        optional={
            "jobs": st.lists(st.just(str(job.pk)) | st.text(), max_size=3) | st.none(),
            "job": st.text(),
            "cursor": st.integers() | st.text(),
            "stream": st.text(max_size=MAX_NAME_LENGTH + 1),
        },
    ).map(json.dumps)

    def check(messages: list[str | bytes], raw: bytes) -> None:
        """Raw bytes may be the begin of a frame, of which the server waits for the rest."""
        with (
            Client(web.url, bearer=token, close_timeout=0.1) as client,
            suppress(ConnectionClosed),
        ):
            for message in messages:
                client.connection.send(message)
            if raw:
                client.connection.socket.sendall(raw)
                return
            client.connection.send('{"type": "ping"}')
            while client.take().get("event") != "pong":
                pass
        assert client.connection.close_code in (None, 1000, 1002, 1006, 1007, 1009, *OURS)

    raw = st.just(b"") | st.binary(min_size=1, max_size=200)
    fuzz(check, st.lists(pieces, max_size=5), raw, usual=10, thorough=300)
    with Client(web.url, bearer=token) as again:
        assert again.ask("ping")["event"] == "pong"
        shaken = again.connection.response
        if shaken and isinstance(web, Uvicorn):  # Daphne has no way to add a header there
            assert shaken.headers["Progress-Version"] == str(VERSION)
    assert "Traceback" not in web.output


def test_a_message_may_come_in_pieces_and_as_bytes(client: Client) -> None:
    client.connection.send(['{"type"', ': "ping"}'])
    assert client.take()["event"] == "pong"
    client.connection.send(b'{"type": "ping"}')
    assert client.take()["event"] == "pong"


def test_a_message_that_is_too_large_closes_the_connection(client: Client) -> None:
    client.connection.send(json.dumps({"type": "ping", "more": "x" * MAX_MESSAGE}))
    assert client.rest()[1] in (TOO_LARGE, 1009, None)


def test_who_sends_faster_than_is_answered_is_cut_off(client: Client) -> None:
    try:
        for _ in range(MAX_WAITING * 100):
            client.connection.send('{"type": "ping"}')
    except ConnectionClosed:
        pass
    answered, code = client.rest()
    # A server that reads no more than is taken from it makes the client wait instead.
    assert code in (TOO_EAGER, None) or len(answered) == MAX_WAITING * 100

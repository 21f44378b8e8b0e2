"""Who is let in by a WebSocket, through Django's own middleware and views in this process."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from django.contrib.auth.models import User

from headway.stream.websocket import SIGN_IN
from headway.stream.ws import SocketHandler, SocketRequest
from headway.web import streams, tokens
from tests.stream.far_end import FarEnd
from tests.stream.streams import until
from tests.support.stack import Valkey

pytestmark = pytest.mark.django_db(transaction=True)


def scope(path: str = "/ws/jobs/", *, bearer: str = "", scheme: str = "ws") -> dict[str, Any]:
    """A handshake, as ASGI servers show it."""
    headers = [(b"host", b"localhost")]
    if bearer:
        headers.append((b"authorization", f"Bearer {bearer}".encode()))
    known = {"type": "websocket", "path": path, "query_string": b"", "scheme": scheme}
    return known | {"headers": headers}


@pytest.fixture
def handler() -> SocketHandler:
    return SocketHandler()


@pytest.fixture
async def end_of_streams(valkey: Valkey) -> AsyncIterator[None]:
    """Ends the hub of this test's event loop."""
    yield
    await streams.hub().close()


@pytest.fixture
def token(alice: User) -> str:
    """Of Alice's."""
    return tokens.issue(alice)[1]


def test_a_handshake_is_a_request_of_the_scheme_of_pages() -> None:
    for scheme, seen in (("ws", "http"), ("wss", "https")):
        request = SocketRequest(scope(scheme=scheme))
        assert (request.method, request.scheme, request.path) == ("GET", seen, "/ws/jobs/")


async def test_who_has_a_token_is_let_in_and_answered(
    handler: SocketHandler, token: str, end_of_streams: None
) -> None:
    far = FarEnd()
    for text in ("the handshake", '{"type": "ping"}'):
        far.say(text)
    serving = asyncio.ensure_future(handler(scope(bearer=token), far.receive, far.send))
    await until(lambda: "pong" in far.events)
    far.leave()
    await serving
    assert (far.steps, far.code) == (["accept"], None)


async def test_who_is_not_signed_in_is_let_in_to_be_told_so(handler: SocketHandler) -> None:
    far = FarEnd()
    far.say("the handshake")
    await handler(scope(), far.receive, far.send)
    assert (far.steps, far.code) == (["accept", "close"], SIGN_IN)


async def test_an_address_without_a_view_fails_the_handshake(handler: SocketHandler) -> None:
    far = FarEnd()
    far.say("the handshake")
    await handler(scope("/ws/nowhere/"), far.receive, far.send)
    assert (far.steps, far.code) == (["close"], None)

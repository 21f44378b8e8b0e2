"""The engine's door to Django: a streaming response, where it starts, and a handler that frees
what a stream does not need."""

import asyncio
import re
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import aclosing
from typing import Any, NamedTuple

from asgiref.sync import ThreadSensitiveContext
from django.core.handlers.asgi import ASGIHandler
from django.http import HttpRequest, HttpResponseBase, StreamingHttpResponse

from .hub import Hub
from .subscription import Subscription
from .wire import AsgiWire, can_be_driven

HEADERS = {
    "Cache-Control": "no-cache, no-transform",
    "X-Accel-Buffering": "no",
    # So that no middleware compresses: a browser decodes only the first of many gzip members.
    "Content-Encoding": "identity",
}

Message = Mapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


class Cursor(NamedTuple):
    """Where a client wants to go on. `number` is None when it has none, or one of no use; then
    `reason` says so."""

    number: int | None
    reason: str = ""


def cursor(request: HttpRequest) -> Cursor:
    """The client's cursor: the `Last-Event-ID` header, else `?cursor=`, since a rebuilt EventSource
    cannot send the header (WHATWG HTML, section 9.2.4). Garbage is never an error."""
    text = request.headers.get("Last-Event-ID") or request.GET.get("cursor") or ""
    if not text:
        return Cursor(None)
    if re.fullmatch(r"[0-9]{1,18}", text):
        return Cursor(int(text))
    return Cursor(None, "unknown")


class EventStreamResponse(StreamingHttpResponse):
    """`text/event-stream` of a subscription. Under every handler an asynchronous iterator; under
    EventStreamHandler the hub writes to the connection itself, and the stream holds no thread, no
    database connection and no task but the server's own."""

    def __init__(self, hub: Hub, reader: Subscription) -> None:
        self.hub, self.reader, self.stream = hub, reader, hub.stream(reader)
        super().__init__(self.stream, content_type="text/event-stream", headers=HEADERS)


class EventStreamHandler(ASGIHandler):
    """Django's ASGI handler, except that event streams are sent after the request is over.

    Django keeps one thread for each request until its response has been sent. For a stream that
    is hours, so the view and the middleware run as ever, then the request is finished (its thread
    and database connection are released), then the stream is sent.
    """

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        """Serves one request (ASGI HTTP, version 2.x)."""
        exchange = _Exchange(send)
        async with ThreadSensitiveContext():
            await self.handle(scope, receive, exchange)
        if exchange.stream is not None:
            await _serve(exchange.stream, receive, send)

    async def send_response(self, response: HttpResponseBase, send: Any) -> None:
        """Sends a response, or puts a stream aside until the request is over."""
        if isinstance(response, EventStreamResponse):
            send.stream = response
        else:
            await super().send_response(response, send)


class _Exchange:
    """One request's `send`, and the stream that its view returned."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.stream: EventStreamResponse | None = None

    async def __call__(self, message: Message) -> None:
        await self._send(message)


async def _serve(response: EventStreamResponse, receive: Receive, send: Send) -> None:
    """Sends until the stream ends or the client has gone."""
    starting = send(_start(response))
    driven = can_be_driven(starting)
    await starting
    if driven:
        await _drive(response.hub, response.reader, receive, send)
    else:
        await _iterate(response.stream, receive, send)


def _start(response: EventStreamResponse) -> Message:
    headers = [(name.encode("ascii"), value.encode("latin1")) for name, value in response.items()]
    cookies = (cookie.OutputString().encode("ascii") for cookie in response.cookies.values())
    headers += [(b"Set-Cookie", cookie) for cookie in cookies]
    return {"type": "http.response.start", "status": response.status_code, "headers": headers}


async def _drive(hub: Hub, reader: Subscription, receive: Receive, send: Send) -> None:
    """Lets the hub write, and waits for the client to leave: the only task of this viewer."""
    task, over = asyncio.current_task(), False

    def gone() -> None:
        nonlocal over
        if not over and task is not None:
            over = True
            task.cancel()

    wire = AsgiWire(send, gone)
    try:
        hub.attach(reader, wire)
        await _left(receive)
        over = True
    except asyncio.CancelledError:
        if not over or task is None:
            raise
        task.uncancel()
    finally:
        hub.detach(reader)
        wire.abandon()


async def _iterate(stream: AsyncGenerator[bytes, None], receive: Receive, send: Send) -> None:
    """The same through the generator and two tasks."""
    sending = asyncio.ensure_future(_send(stream, send))
    leaving = asyncio.ensure_future(_left(receive))
    try:
        await asyncio.wait((sending, leaving), return_when=asyncio.FIRST_COMPLETED)
    finally:
        leaving.cancel()
        sending.cancel()
        await asyncio.gather(sending, leaving, return_exceptions=True)


async def _send(stream: AsyncGenerator[bytes, None], send: Send) -> None:
    async with aclosing(stream) as pieces:
        async for piece in pieces:
            await send({"type": "http.response.body", "body": piece, "more_body": True})
    await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass

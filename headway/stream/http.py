"""The engine's entry point for Django: a streaming response, where it starts, and a handler
that frees what a stream does not need."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import AbstractContextManager, aclosing, nullcontext
from io import BytesIO
from typing import Any

from asgiref.sync import sync_to_async
from django.core.handlers.asgi import ASGIHandler, ASGIRequest
from django.http import (
    HttpRequest,
    HttpResponseBadRequest,
    HttpResponseBase,
    StreamingHttpResponse,
)

from . import shutdown
from .admission import Admission, has_body
from .asgi import Message, Receive, Send
from .asking import asks
from .event import VERSION
from .handover import connection_of, hand_over, hand_over_at_once
from .hub import Hub
from .long_poll import Wait, left
from .notices import CLOSING, farewell
from .subscription import Subscription
from .wire import AsgiWire, can_be_driven

HEADERS = {
    "Cache-Control": "no-cache, no-transform",
    "X-Accel-Buffering": "no",
    # So that no middleware compresses: a browser decodes only the first of many gzip members.
    "Content-Encoding": "identity",
    "Progress-Version": str(VERSION),
}


class StreamResponse(StreamingHttpResponse):
    """`text/event-stream` of an asynchronous generator. Under EventStreamHandler it is sent when
    the request is over, and holds no thread and no database connection."""

    outlives_request = True
    needs_request = True
    """Whether what is sent may still ask the request that it answers."""

    def __init__(
        self, stream: AsyncGenerator[bytes, None], hub: Callable[[], Hub], cut: bytes = b""
    ) -> None:
        """`hub()`: the one with which it ends, should the server end first; then it says `cut`."""
        self.stream, self.hub, self.cut = stream, hub, cut
        super().__init__(stream, content_type="text/event-stream", headers=HEADERS)


class EventStreamResponse(StreamResponse):
    """`text/event-stream` of a subscription. Under every handler an asynchronous iterator; under
    EventStreamHandler the hub writes to the connection itself, and the stream holds no thread, no
    database connection and no task but the server's own. `hub()` is called in the event loop that
    sends it: the view may have run in a thread."""

    needs_request = False

    def __init__(self, hub: Callable[[], Hub], reader: Subscription) -> None:
        self.reader = reader
        super().__init__(_stream(hub, reader), hub)


async def _stream(hub: Callable[[], Hub], reader: Subscription) -> AsyncGenerator[bytes, None]:
    async with aclosing(hub().stream(reader)) as pieces:
        async for piece in pieces:
            yield piece


def wait_before(response: HttpResponseBase, wait: Wait) -> HttpResponseBase:
    """Under EventStreamHandler, a response that is made again after `wait`, by the same request,
    which holds nothing meanwhile. Under other handlers it is sent at once."""
    response.wait = wait  # type: ignore[attr-defined]  # middleware hands on the same object
    return response


class EventStreamHandler(ASGIHandler):
    """Django's ASGI handler, except for event streams, the paths that end in `/events/` or
    `/chat/`.

    Django keeps one thread for each request until its response has been sent, and hops to it for
    every middleware. For a stream that is hours. So the view and the middleware run as ever, but
    all in one hop to one thread that streams share, those that arrive together in the same; then
    the request is finished, and only then the stream is sent.
    """

    stream_request_class = ASGIRequest
    """Of requests that are let in together."""

    def __init__(self) -> None:
        super().__init__()
        self._admission = Admission(self.together, _look_ahead)

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        """Serves one request (ASGI HTTP, version 2.x)."""
        exchange = _Exchange(send)
        if scope["type"] == "http" and _is_stream(scope["path"]):
            if has_body(scope):
                # A task of its own: what the request leaves in its context is not kept for hours.
                await asyncio.create_task(self.handle(scope, receive, exchange))
            else:
                await self._let_in(scope, receive, exchange)
            await exchange.serve(receive)
        elif scope["type"] == "http" and b"wait=" in scope["query_string"]:
            await super().__call__(scope, receive, exchange)
            if exchange.put_aside is not None:
                await self._answer_later(exchange.put_aside, scope, receive, send)
        else:
            await super().__call__(scope, receive, send)

    async def get_response_async(self, request: HttpRequest) -> HttpResponseBase:
        """The response to a request, after all middleware."""
        if not _is_stream(request.path):
            return await super().get_response_async(request)
        async with self._admission.turns.of(asks(request)):
            answer = sync_to_async(self._admission.django.get_response)
            response: HttpResponseBase = await answer(request)
        return response

    async def send_response(self, response: HttpResponseBase, send: Any) -> None:
        """Sends a response, or puts a stream and an answer that may wait aside until the request
        is over."""
        if isinstance(response, StreamResponse) and isinstance(send, _Exchange):
            send.stream = response
        elif hasattr(response, "wait") and isinstance(send, _Exchange):
            send.put_aside = response
        else:
            await super().send_response(response, send)

    def together(self, requests: Sequence[HttpRequest]) -> AbstractContextManager[object]:
        """Entered around a group of them, in their thread: for finding at once what each of them
        will ask for."""
        del requests
        return nullcontext()

    async def _let_in(self, scope: Any, receive: Receive, exchange: "_Exchange") -> None:
        """As `handle`, for a request without a body."""
        try:
            request = self.stream_request_class(scope, BytesIO())
        except UnicodeDecodeError:
            await self.send_response(HttpResponseBadRequest(), exchange)
            return
        response = await self._admission.answer(request, scope, receive, asks(request))
        if response is not None:
            await self.send_response(response, exchange)
            if not response.closed:
                await sync_to_async(response.close)()

    async def _answer_later(
        self, response: HttpResponseBase, scope: Any, receive: Receive, send: Send
    ) -> None:
        """Waits, then makes the request again: its user is checked and the answer made as if it
        had come only now. Where the server has too many streams to wait, the answer is what there
        is, with the time after which to come back."""
        wait: Wait = response.wait  # type: ignore[attr-defined]  # by `wait_before`
        shutdown.watch(wait.hub(), send)
        bell = await wait.over(receive)
        if bell is not None and bell.busy:
            response["Retry-After"] = str(bell.busy)
            await super().send_response(response, send)
        elif bell is not None:
            await super().__call__(scope, _after_body(receive), send)


def _look_ahead(response: HttpResponseBase) -> None:
    if isinstance(response, EventStreamResponse):
        response.hub().look_ahead(response.reader)


def _is_stream(path: str) -> bool:
    return path.endswith(("/events/", "/chat/"))


def _after_body(receive: Receive) -> Receive:
    """What a request whose body has been read receives when it is made again."""
    unread = True

    async def again() -> Message:
        nonlocal unread
        if not unread:
            return await receive()
        unread = False
        return {"type": "http.request", "body": b""}

    return again


class _Exchange:
    """One request's `send`, and the stream or the answer for later that its view returned."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.stream: StreamResponse | None = None
        self.put_aside: HttpResponseBase | None = None

    async def __call__(self, message: Message) -> None:
        await self._send(message)

    async def serve(self, receive: Receive) -> None:
        """Sends the stream, if there is one, until it ends or the client has gone."""
        response, self.stream = self.stream, None
        if response is None:
            return
        hub = response.hub()
        shutdown.watch(hub, self._send)
        if not isinstance(response, EventStreamResponse):
            await self._send(_start(response))
            await _iterate(response.stream, receive, self._send, hub, response.cut)
            return
        reader = response.reader
        connection = None if "Content-Length" in response else connection_of(hub, self._send)
        if connection and hand_over_at_once(hub, reader, connection, response):
            del response, connection  # what is kept here is kept for hours, for each viewer
            await left(receive)
            return
        start = _start(response)
        if connection is not None and not connection.announced:
            start["headers"].append((b"connection", b"close"))
        del response
        starting = self._send(start)
        await starting
        driven = can_be_driven(starting)
        del start, starting
        if connection is not None and await hand_over(hub, reader, connection):
            await left(receive)
            return
        del connection
        if driven:
            await _drive(hub, reader, receive, self._send)
        else:
            await _iterate(hub.stream(reader), receive, self._send, hub)


def _start(response: StreamResponse) -> Message:
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
        while (await receive())["type"] != "http.disconnect":
            pass
        over = True
    except asyncio.CancelledError:
        if not over or task is None:
            raise
        task.uncancel()
    finally:
        hub.detach(reader)
        wire.abandon()


async def _iterate(
    stream: AsyncGenerator[bytes, None], receive: Receive, send: Send, hub: Hub, cut: bytes = b""
) -> None:
    """The same through the generator and two tasks. `cut`: what to say should the server end first,
    for streams that the hub does not end itself."""
    sending = asyncio.ensure_future(_send(stream, send))
    leaving = asyncio.ensure_future(left(receive))
    closing = [asyncio.ensure_future(hub.closing.wait())] if cut else []
    tasks = (sending, leaving, *closing)
    try:
        with shutdown.last_words(hub):
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        stays = not leaving.done()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    if not sending.cancelled():
        if error := sending.exception():
            raise error  # for the server's log: the client sees the end
    elif cut and stays:
        last = farewell(CLOSING) + cut
        await send({"type": "http.response.body", "body": last, "more_body": False})


async def _send(stream: AsyncGenerator[bytes, None], send: Send) -> None:
    async with aclosing(stream) as pieces:
        async for piece in pieces:
            await send({"type": "http.response.body", "body": piece, "more_body": True})
    await send({"type": "http.response.body", "body": b"", "more_body": False})

"""The floor of an ASGI server: writes whatever is POSTed to it to every open GET, inline and with
no application around it, so what is left is the server's own `send` and memory."""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Any]

viewers: set[Send] = set()


async def application(scope: dict[str, Any], receive: Receive, send: Send) -> None:
    """An ASGI application; a `send` that has to wait loses its frame."""
    if scope["type"] != "http":
        return
    if scope["method"] == "POST":
        await _publish(receive)
        headers = [(b"Content-Length", b"0")]  # an end in a chunk of its own is not waited for
        await send({"type": "http.response.start", "status": 201, "headers": headers})
        await send({"type": "http.response.body", "body": b""})
        return
    headers = [(b"Content-Type", b"text/event-stream")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b": hello\n\n", "more_body": True})
    viewers.add(send)
    while (await receive())["type"] != "http.disconnect":
        pass
    viewers.discard(send)


async def _publish(receive: Receive) -> None:
    body, more = b"", True
    while more:
        message = await receive()
        body, more = body + message["body"], message.get("more_body", False)
    frame = {"type": "http.response.body", "body": b"data: " + body + b"\n\n", "more_body": True}
    for send in tuple(viewers):
        with suppress(StopIteration):
            send(frame).send(None)

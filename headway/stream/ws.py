"""The engine's entry point for WebSockets: accepts them as Django accepts requests."""

from collections.abc import Callable
from io import BytesIO
from typing import Any

from asgiref.sync import sync_to_async
from django.core.handlers.asgi import ASGIHandler, ASGIRequest
from django.core.handlers.base import BaseHandler
from django.core.signals import request_started
from django.http import HttpResponse
from django.http.response import HttpResponseBase

from . import shutdown
from .asgi import Receive, Send
from .asking import asks
from .event import VERSION
from .hub import Hub
from .subscription import Subscription
from .turns import Turns
from .websocket import SIGN_IN, Answer, Socket


class SocketRequest(ASGIRequest):
    """The handshake of a WebSocket, as views see it."""

    def __init__(self, scope: Any) -> None:
        scheme = "https" if scope.get("scheme") == "wss" else "http"
        super().__init__({**scope, "type": "http", "method": "GET", "scheme": scheme}, BytesIO())


class SocketResponse(HttpResponse):
    """What a view answers to let a WebSocket in."""

    def __init__(self, hub: Callable[[], Hub], own: Subscription, answer: Answer) -> None:
        """`hub` is called on the connection's event loop. `own`: a stream of no jobs, by which the
        connection itself is counted, kept alive, checked and ended."""
        super().__init__()
        self.hub, self.own, self.answer = hub, own, answer


class SocketHandler:
    """Lets WebSockets in as requests are: by the same middleware, and the view of their address,
    in one hop to the thread that streams share. Any other answer fails the handshake, of which
    browsers tell scripts nothing; so for a 401 the connection is made, and closed with SIGN_IN."""

    def __init__(self) -> None:
        self._django = BaseHandler()
        self._django.load_middleware()
        self._turns = Turns()

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        """Serves one connection (ASGI WebSocket, version 2.x)."""
        await receive()  # websocket.connect
        request = SocketRequest(scope)
        async with self._turns.of(asks(request)):
            response = await sync_to_async(self._ask)(scope, request)
        if isinstance(response, SocketResponse):
            version = (b"progress-version", str(VERSION).encode())
            await send({"type": "websocket.accept", "headers": [version]})
            hub = response.hub()
            shutdown.watch(hub, send)
            await Socket(hub, response.own, send).serve(receive, response.answer)
        elif response.status_code == 401:
            await send({"type": "websocket.accept"})
            await send({"type": "websocket.close", "code": SIGN_IN})
        else:
            await send({"type": "websocket.close"})

    def _ask(self, scope: Any, request: SocketRequest) -> HttpResponseBase:
        request_started.send(sender=ASGIHandler, scope=scope)
        response = self._django.get_response(request)
        response.close()
        return response

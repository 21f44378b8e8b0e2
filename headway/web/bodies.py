"""How much a request may send: little, or a file where files are taken from those who are signed
in. What is more is refused before it is read."""

import logging
import sys
from io import BytesIO
from typing import Any

from asgiref.sync import sync_to_async
from django.conf import settings
from django.contrib.auth import get_user
from django.core.exceptions import RequestAborted
from django.core.handlers.asgi import ASGIRequest
from django.db import connections
from django.http import HttpRequest
from django.urls import Resolver404, resolve

from headway.conf import conf
from headway.stream.asgi import Message, Receive, Send
from headway.web import sessions, tokens

logger = logging.getLogger(__name__)
FORM_OVERHEAD = 1024 * 1024
"""Bytes that a form may add to the file in it."""
TOO_LARGE = (
    "This is more than this server accepts. Files may be sent where they are asked for, by those"
    " who are signed in."
)
NOT_NOW = "Whether this may be sent cannot be told at the moment. Please try again."

HEADERS = [(b"content-type", b"text/plain; charset=utf-8"), (b"connection", b"close")]


def usual() -> int:
    """Bytes that anybody may send to any address."""
    return conf.BODY_MAX_BYTES or sys.maxsize


async def most(scope: Any) -> int:
    """Bytes that this request (an ASGI scope) may send. Raises what the database does."""
    request = ASGIRequest(scope, BytesIO())
    if not _takes_files(request.path_info):
        return usual()
    who = sync_to_async(_is_signed_in, thread_sensitive=False)
    return max(usual(), conf.UPLOAD_MAX_BYTES + FORM_OVERHEAD) if await who(request) else usual()


class Guard:
    """An ASGI `receive` that refuses what is too large, in the words of `send`, and then says to
    Django that the client has left."""

    def __init__(self, scope: Any, receive: Receive, send: Send) -> None:
        self._scope, self._receive, self._send = scope, receive, send
        self._most, self._taken = usual(), 0
        self._is_asked = False

    async def __call__(self) -> Message:
        if not self._taken:
            await self._check(_declared(self._scope))
        message = await self._receive()
        self._taken += len(message.get("body", b""))
        await self._check(self._taken)
        return message

    def kept_by_server(self) -> Any:
        """The file in which Daphne has the whole body (headway/ops/daphne_requests.py); None where
        it is still to be received. It is whose asks."""
        request: Any = next(iter(getattr(self._send, "args", ())), None)
        file = getattr(request, "body_file", None)
        if file is not None:
            request.body_file = None
            file.seek(0)
        return file

    async def _check(self, size: int) -> None:
        if size > self._most and not self._is_asked:
            self._is_asked = True
            try:
                self._most = await most(self._scope)
            except Exception:
                logger.exception("Whether a large body may be sent cannot be told")
                await self._refuse(503, NOT_NOW)
        if size > self._most:
            await self._refuse(413, TOO_LARGE)

    async def _refuse(self, status: int, sentence: str) -> None:
        body = sentence.encode()
        head = [*HEADERS, (b"content-length", str(len(body)).encode())]
        await self._send({"type": "http.response.start", "status": status, "headers": head})
        await self._send({"type": "http.response.body", "body": body})
        raise RequestAborted(sentence)


def _declared(scope: Any) -> int:
    for name, value in scope["headers"]:
        if name == b"content-length" and value.isdigit():
            return int(value)
    return 0


def _takes_files(path: str) -> bool:
    try:
        return getattr(resolve(path).func, "takes_files", False)
    except Resolver404:
        return False


def _is_signed_in(request: HttpRequest) -> bool:
    try:
        if (text := tokens.bearer(request)) is not None:
            return tokens.find(text) is not None
        key = request.COOKIES.get(settings.SESSION_COOKIE_NAME)
        request.session = sessions.store()(key)
        return bool(get_user(request).is_authenticated)
    finally:
        connections.close_all()

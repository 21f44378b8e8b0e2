"""How stored files leave: by the server or the proxy, which read them by themselves, from the
storage at a signed address, or through the app in pieces, as fast as their reader takes them."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Any
from urllib.parse import quote

from django.core.files import File
from django.core.files.storage import default_storage
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.utils.http import content_disposition_header

from headway.conf import conf
from headway.stream.asgi import Message, Send
from headway.stream.outlet import Outlet
from headway.web.result_files import image_type

CHUNK = 256 * 1024
SEND_TIMEOUT = 60.0
"""Seconds in which a client has to read something of what it asked for."""
VALID = 60
"""Seconds for which a signed address can be followed."""
EXTENSION = "http.response.pathsend"

TYPE = "application/octet-stream"
UNKEPT = {"Cache-Control": "private, no-store"}
HEADERS = {
    "Content-Type": TYPE,
    "Content-Security-Policy": "sandbox; default-src 'none'",
    "X-Content-Type-Options": "nosniff",
    **UNKEPT,
}


def download(request: HttpRequest, stored: str, name: str) -> HttpResponseBase:
    """A stored file as a download called `name`. Raises OSError when it is gone."""
    disposition = content_disposition_header(True, name) or "attachment"
    if conf.DOWNLOADS == "storage":
        storage: Any = default_storage  # one of django-storages, whose addresses are signed
        said = {"ResponseContentDisposition": disposition, "ResponseContentType": TYPE}
        address = storage.url(stored, parameters=said, expire=VALID)
        return HttpResponseRedirect(address, headers=UNKEPT)
    headers = {"Content-Disposition": disposition, **HEADERS}
    if conf.DOWNLOADS == "app":
        return FileDownload(request, stored, headers)
    if not default_storage.exists(stored):
        raise FileNotFoundError(stored)
    return HttpResponse(headers={**headers, "X-Accel-Redirect": conf.DOWNLOADS + quote(stored)})


def image(request: HttpRequest, stored: str, name: str) -> HttpResponseBase:
    """A stored image for a page. Raises FileNotFoundError for any other file, OSError when it is
    gone."""
    with default_storage.open(stored) as file:
        found = image_type(file)
    if not found:
        raise FileNotFoundError(stored)
    said = content_disposition_header(False, name) or "inline"
    return FileDownload(
        request, stored, {**HEADERS, "Content-Type": found, "Content-Disposition": said}
    )


class FileDownload(StreamingHttpResponse):
    """A stored file in pieces. `path` is where a server finds it that sends files by itself."""

    def __init__(self, request: HttpRequest, stored: str, headers: Mapping[str, str]) -> None:
        file = default_storage.open(stored)
        asynchronous = isinstance(request, ASGIRequest)
        # Each handler warns about iterators of the other's sort.
        chunks: Any = _async_chunks(file) if asynchronous else file.chunks(CHUNK)
        super().__init__(chunks, headers={**headers, "Content-Length": str(file.size)})
        self._resource_closers.append(file.close)  # type: ignore[attr-defined]  # as FileResponse does
        self.path = _path(stored) if _sends_paths(request) else None


def _sends_paths(request: HttpRequest) -> bool:
    scope: Any = getattr(request, "scope", {})
    return request.method == "GET" and EXTENSION in (scope.get("extensions") or {})


def _path(stored: str) -> str | None:
    try:
        return default_storage.path(stored)
    except NotImplementedError:  # it is on no disk of this machine
        return None


async def _async_chunks(file: "File[bytes]") -> AsyncIterator[bytes]:
    while chunk := await asyncio.to_thread(file.read, CHUNK):
        yield chunk


async def send_path(response: FileDownload, send: Send) -> None:
    """Leaves a file to the server (ASGI, Path Send Extension)."""
    headers = [(name.encode("ascii"), value.encode("latin1")) for name, value in response.items()]
    cookies = (cookie.OutputString().encode("ascii") for cookie in response.cookies.values())
    headers += [(b"Set-Cookie", cookie) for cookie in cookies]
    await send({"type": "http.response.start", "status": response.status_code, "headers": headers})
    await send({"type": EXTENSION, "path": response.path})


class Paced:
    """An ASGI `send` that returns when there is room for more. Servers do so themselves, but for
    Daphne, which keeps in memory all that its client does not read."""

    def __init__(self, send: Send) -> None:
        request: Any = next(iter(getattr(send, "args", ())), None)
        self._send = send
        self._request = request if hasattr(request, "registerProducer") else None
        self._room = asyncio.Event()
        self._room.set()

    async def __call__(self, message: Message) -> None:
        """Sends a message. Raises CancelledError when the client reads nothing for SEND_TIMEOUT."""
        if self._request is None or self._request.channel is None:  # not Daphne's, or gone
            await self._send(message)
            return
        if message["type"] == "http.response.start":
            self._request.registerProducer(self, True)
        elif not message.get("more_body"):
            self._request.unregisterProducer()
        await self._send(message)
        try:
            async with asyncio.timeout(SEND_TIMEOUT):
                await self._room.wait()
        except TimeoutError:
            Outlet(self._send).reset()
            raise asyncio.CancelledError from None

    def pauseProducing(self) -> None:  # noqa: N802 - Twisted's IPushProducer
        """Called by Twisted when it has enough."""
        self._room.clear()

    def resumeProducing(self) -> None:  # noqa: N802
        """Called when all of that has left."""
        self._room.set()

    stopProducing = resumeProducing  # noqa: N815 - the client has left, and Django is told so

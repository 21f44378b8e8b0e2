"""A site of a few addresses, the handler of its streams, and who asks for them over ASGI."""

import asyncio
import contextvars
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import contextmanager
from io import BytesIO
from typing import Any

from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.urls import path, re_path

from headway.stream.admission import Asked
from headway.stream.http import EventStreamHandler, StreamResponse

closed: list[str] = []


class Pieces:
    """Of a project's own stream."""

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield b"a piece"

    def close(self) -> None:
        closed.append("pieces")


def own(request: HttpRequest) -> StreamingHttpResponse:
    return StreamingHttpResponse(Pieces())


def stream(request: HttpRequest) -> StreamResponse:
    return StreamResponse(Pieces().__aiter__(), lambda: None)  # type: ignore[arg-type, return-value]


def plain(request: HttpRequest) -> HttpResponse:
    return HttpResponse(request.GET.get("n", ""))


def named(request: HttpRequest, name: str) -> HttpResponse:
    match = request.resolver_match
    assert match is not None
    matches.append((id(match), dict(match.kwargs)))
    kept.append(match)
    match.kwargs["name"] = "another"
    return HttpResponse(name)


def elsewhere(request: HttpRequest) -> HttpResponse:
    return HttpResponse("elsewhere")


def numbered(request: HttpRequest, number: str) -> HttpResponse:
    return HttpResponse(number)


class elsewhere_urls:  # noqa: N801 - stands for a module
    urlpatterns = [path("plain/events/", elsewhere)]  # noqa: RUF012 - as in one


urlpatterns = [
    path("own/events/", own),
    path("stream/events/", stream),
    path("plain/events/", plain),
    path("named/<name>/events/", named),
    re_path(r"^numbered/(\d)/events/$", numbered),
]


matches: list[tuple[int, dict[str, Any]]] = []


kept: list[Any] = []


class Handler(EventStreamHandler):
    """Whose thread waits until it may; `groups` has what came together."""

    def __init__(self) -> None:
        super().__init__()
        self.groups: list[int] = []
        self.may, self.begun = threading.Event(), threading.Event()
        self.may.set()

    @contextmanager
    def together(self, requests: Sequence[HttpRequest]) -> Iterator[None]:
        with super().together(requests):
            self.groups.append(len(requests))
            self.begun.set()
            assert self.may.wait(60)
            yield


class Client:
    """One connection of ASGI; `got` is what was sent."""

    def __init__(self, path: str, query: bytes = b"", who: str = "", **headers: str) -> None:
        named = [(name.replace("_", "-").encode(), each.encode()) for name, each in headers.items()]
        self.scope = {
            "type": "http",
            "method": "GET",
            "path": path,
            "query_string": query,
            "client": (who or str(id(self)), 1),
            "headers": named,
        }
        self.got: list[Any] = []
        self.gone = asyncio.Event()
        self._asked = False

    async def receive(self) -> Any:
        if not self._asked:
            self._asked = True
            return {"type": "http.request", "body": b""}
        await self.gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Any) -> None:
        self.got.append(message)

    def ask(self, handler: Handler) -> "asyncio.Task[None]":
        return asyncio.ensure_future(handler(self.scope, self.receive, self.send))

    @property
    def answer(self) -> tuple[int, bytes]:
        start, *rest = self.got
        return start["status"], b"".join(message.get("body", b"") for message in rest)


def asked(
    scope: Any, number: int, tell: Callable[[HttpResponseBase], object] = bool
) -> list[Asked]:
    """So many requests at once."""
    request = ASGIRequest(scope, BytesIO())
    return [Asked(request, scope, contextvars.copy_context(), tell) for _ in range(number)]

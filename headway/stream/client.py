"""Follows a stream from Python: `for event in watch(url, token=...)`, or `async for` and `awatch`.

Both go on after every interruption, from the event after the last one taken, and end where the
stream says that it is done.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Generator, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, AbstractContextManager, nullcontext
from types import TracebackType
from typing import Any, Self

try:
    import httpx
except ImportError as error:
    raise ImportError(
        'The client needs httpx: pip install "django-headway[client]".', name="httpx"
    ) from error

from .following import Following, GaveUpError, Interrupted, RefusedError, StreamError, StreamEvent

__all__ = [
    "AsyncWatch",
    "GaveUpError",
    "RefusedError",
    "StreamError",
    "StreamEvent",
    "Watch",
    "awatch",
    "watch",
]

CONNECT = 10.0
"""Seconds that a connection may take to open at most."""
_HOPELESS = (httpx.UnsupportedProtocol, httpx.LocalProtocolError)  # an address or token of no use
_PASSING = (httpx.TransportError, Interrupted)


def watch(
    url: str,
    *,
    token: str | None = None,
    headers: Mapping[str, str] | None = None,
    cursor: str | int | None = None,
    timeout: float = 40.0,
    give_up: float | None = None,
    backoff: float = 1.0,
    client: httpx.Client | None = None,
) -> "Watch":
    """The events of the stream at `url`, without its `done`.

    `token` is sent as a bearer token, and nowhere but to `url`: redirects are not followed.
    `cursor` is where to go on. `timeout` seconds of silence, in which not even a sign of life
    came, count as a lost connection; the server sends one every 15. What may pass (lost
    connections, 429, 5xx) is tried again for ever, or raises GaveUpError after `give_up` seconds
    without a good connection; other statuses raise RefusedError. `backoff` is the first random
    wait. A `client` is used as it is and left open. Leave the loop, or use `with`, to close the
    connection.
    """
    return Watch(
        _Request(url, token, headers, timeout), _following(cursor, backoff, give_up), client
    )


def awatch(
    url: str,
    *,
    token: str | None = None,
    headers: Mapping[str, str] | None = None,
    cursor: str | int | None = None,
    timeout: float = 40.0,
    give_up: float | None = None,
    backoff: float = 1.0,
    client: httpx.AsyncClient | None = None,
) -> "AsyncWatch":
    """The same as `watch` for `async for` and `async with`."""
    request = _Request(url, token, headers, timeout)
    return AsyncWatch(request, _following(cursor, backoff, give_up), client)


class Watch(Iterator[StreamEvent]):
    """What `watch` returns. `cursor` is where another one could go on."""

    def __init__(
        self, request: "_Request", following: Following, client: httpx.Client | None
    ) -> None:
        self._following = following
        self._events = _events(request, following, client)

    @property
    def cursor(self) -> str:
        return self._following.cursor

    def __next__(self) -> StreamEvent:
        return next(self._events)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Ends the connection. May be called twice."""
        self._events.close()


class AsyncWatch(AsyncIterator[StreamEvent]):
    """What `awatch` returns. `cursor` is where another one could go on."""

    def __init__(
        self, request: "_Request", following: Following, client: httpx.AsyncClient | None
    ) -> None:
        self._following = following
        self._events = _async_events(request, following, client)

    @property
    def cursor(self) -> str:
        return self._following.cursor

    async def __anext__(self) -> StreamEvent:
        return await anext(self._events)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Ends the connection. May be called twice."""
        await self._events.aclose()


class _Request:
    """The same request, again and again."""

    def __init__(
        self, url: str, token: str | None, headers: Mapping[str, str] | None, timeout: float
    ) -> None:
        self.url = url
        self._headers = httpx.Headers(headers)
        if token is not None:
            self._headers["Authorization"] = f"Bearer {token}"
        self._timeout = httpx.Timeout(timeout, connect=min(CONNECT, timeout))

    def options(self, following: Following) -> dict[str, Any]:
        headers = httpx.Headers(self._headers)
        headers.update(httpx.Headers(following.headers(), encoding="utf-8"))
        return {"headers": headers, "timeout": self._timeout, "follow_redirects": False}


def _following(cursor: str | int | None, backoff: float, give_up: float | None) -> Following:
    return Following("" if cursor is None else str(cursor), backoff=backoff, give_up=give_up)


def _events(
    request: _Request, following: Following, client: httpx.Client | None
) -> Generator[StreamEvent, None, None]:
    using: AbstractContextManager[httpx.Client] = nullcontext(client) if client else httpx.Client()
    with using as http:
        while True:
            problem: Exception | str = "the connection was closed"
            try:
                with http.stream("GET", request.url, **request.options(following)) as response:
                    following.open(response.status_code, response.headers)
                    for chunk in response.iter_bytes():
                        yield from following.feed(chunk)
                        if following.done:
                            return
            except _HOPELESS:
                raise
            except _PASSING as error:
                problem = error
            time.sleep(following.pause(problem))


async def _async_events(
    request: _Request, following: Following, client: httpx.AsyncClient | None
) -> AsyncGenerator[StreamEvent, None]:
    using: AbstractAsyncContextManager[httpx.AsyncClient]
    using = nullcontext(client) if client else httpx.AsyncClient()
    async with using as http:
        while True:
            problem: Exception | str = "the connection was closed"
            try:
                options = request.options(following)
                async with http.stream("GET", request.url, **options) as response:
                    following.open(response.status_code, response.headers)
                    async for chunk in response.aiter_bytes():
                        for event in following.feed(chunk):
                            yield event
                        if following.done:
                            return
            except _HOPELESS:
                raise
            except _PASSING as error:
                problem = error
            await asyncio.sleep(following.pause(problem))

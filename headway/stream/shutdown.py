"""How each ASGI server signals its shutdown, found through its internals; the hub is closed
then."""

import asyncio
import contextvars
import functools
import signal
import sys
import threading
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any
from weakref import WeakSet

from .asgi import Receive, Send
from .hub import Hub

MAX_WAIT = 3.0
"""Seconds that Daphne waits for answers under way, once all streams have ended."""
_watched: "WeakSet[Hub]" = WeakSet()
_tasks: set["asyncio.Task[None]"] = set()


def watch(hub: Hub, send: object) -> None:
    """Closes a hub when the server that gave this `send` of ASGI ends; to be called in the hub's
    event loop, with each of its streams. Servers that are not known end as they do."""
    if hub in _watched:
        return
    _watched.add(hub)
    if isinstance(send, functools.partial):
        server = getattr(send.func, "__self__", None)
        if hasattr(server, "kill_all_applications"):  # Daphne: there is no lifespan
            _when_twisted_ends(hub, server)
        return
    context = getattr(getattr(send, "__self__", None), "context", None)
    if terminated := getattr(context, "terminated", None):  # Hypercorn: lifespan ends too late
        _start(_close_after(terminated.wait(), hub))
    elif threading.current_thread() is threading.main_thread():  # Uvicorn: so it does there
        _when_signalled(hub)


class Lifespan:
    """The ASGI lifespan protocol: closes the hubs of servers that end without a signal."""

    async def __call__(
        self,
        scope: Any,
        receive: Receive,
        send: Send,
    ) -> None:
        """Serves one server (ASGI lifespan, version 2.0)."""
        del scope
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        for hub in tuple(_watched):
            await hub.close()
        await send({"type": "lifespan.shutdown.complete"})


@contextmanager
def last_words(hub: Hub) -> Iterator[None]:
    """Lets a task go on that its server has cancelled because it ends: Daphne cancels all at once,
    then waits for them."""
    try:
        yield
    except asyncio.CancelledError:
        task = asyncio.current_task()
        if task is None or not hub.closing.is_set():
            raise
        task.uncancel()


def _when_twisted_ends(hub: Hub, server: Any) -> None:
    reactor: Any = sys.modules["twisted.internet.reactor"]
    defer: Any = sys.modules["twisted.internet.defer"]

    def end() -> Any:
        closing = hub.close()  # says farewell here and now: Daphne cancels all requests next
        return defer.Deferred.fromFuture(_start(_answered(closing, server)))

    reactor.addSystemEventTrigger("before", "shutdown", end)


async def _answered(closing: Awaitable[None], server: Any) -> None:
    await closing
    running = [one.get("application_instance") for one in server.connections.values()]
    if left := [task for task in running if task is not None and not task.done()]:
        await asyncio.wait(left, timeout=MAX_WAIT)


def _when_signalled(hub: Hub) -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        servers = signal.getsignal(number)
        if callable(servers) and servers is not signal.default_int_handler:
            signal.signal(number, functools.partial(_on_signal, loop, hub, servers))


def _on_signal(
    loop: asyncio.AbstractEventLoop,
    hub: Hub,
    servers: Callable[[int, FrameType | None], Any],
    number: int,
    frame: FrameType | None,
) -> None:
    with suppress(RuntimeError):  # the loop is closed already
        loop.call_soon_threadsafe(lambda: _start(hub.close()))
    servers(number, frame)


async def _close_after(shutdown: Awaitable[object], hub: Hub) -> None:
    await shutdown
    await hub.close()


def _start(work: Coroutine[Any, Any, None]) -> "asyncio.Task[None]":
    """A fresh context: the task must not keep the first viewer's request alive."""
    task = asyncio.get_running_loop().create_task(work, context=contextvars.Context())
    _tasks.add(task)
    task.add_done_callback(_tasks.discard)
    return task

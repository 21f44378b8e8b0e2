"""How Daphne ends: of itself it cancels what it is about to answer, and a proxy tells the sender of
a POST 502. Loaded only where Daphne is."""

import asyncio
from typing import Any

from daphne import server
from twisted.internet.defer import Deferred

from headway.ops.daphne_requests import Channel, Request, waiting

GRACE = 0.3
"""Seconds for requests on connections that were made, or used again, in the last moment."""
MAX_WAIT = 3.0
"""Seconds for all answers under way. Streams end meanwhile (headway/stream/shutdown.py)."""


async def _end(daphne: Any) -> None:
    for listening in daphne.listeners:
        listening.addCallback(_close)
    Channel.is_closing = True
    for request in daphne.connections:
        if isinstance(request, Request) and request.channel is not None:
            request.channel.persistent = False
    await asyncio.sleep(GRACE)
    for channel in [*waiting]:
        channel.loseConnection()
    running = _running(daphne)
    if running:
        _, late = await asyncio.wait(running, timeout=MAX_WAIT - GRACE)
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)


def _close(port: Any) -> Any:
    """Closes a listening socket. What it was to accept would be reset, so that is accepted."""
    port.doRead()
    return port.stopListening()


def _running(daphne: Any) -> list["asyncio.Future[None]"]:
    tasks = [each.get("application_instance") for each in daphne.connections.values()]
    return [task for task in tasks if task is not None and not task.done()]


def _kill_all_applications(daphne: Any) -> Any:
    """Called by Twisted before it ends, which waits for what this returns."""
    return Deferred.fromFuture(asyncio.ensure_future(_end(daphne)))


def install() -> None:
    """Has Daphne end like this, before it runs."""
    server.Server.kill_all_applications = _kill_all_applications

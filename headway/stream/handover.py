"""Takes over the connection of a stream from its web server, so that it costs only its socket."""

import asyncio
import logging

from django.http.response import HttpResponseBase

from . import direct
from .head import head_of
from .hub import Hub
from .servers import Held, Kept, held
from .subscription import Subscription

logger = logging.getLogger(__name__)

TURNS = 8
"""Turns of the event loop that a server gets for sending the head of a response. More is needed
only by a client that does not read, and its stream had better stay with the server."""
_said: set[str] = set()


def connection_of(hub: Hub, send: object) -> Held | None:
    """The connection that may be taken over once the response has begun. Which way streams take is
    said in the log, once for each reason."""
    found: Held | Kept = Kept("it is switched off")
    if hub.limits.hand_over:
        found = held(send) if direct.is_possible() else Kept("this system has no epoll")
    if isinstance(found, Kept):
        _say(f"A stream is written by its server, a slower way, because {found.reason}.")
        return None
    return found


def hand_over_at_once(
    hub: Hub, reader: Subscription, connection: Held, response: HttpResponseBase
) -> bool:
    """Lets the hub write the response from its head on: the server has not begun it, and is told
    that the client has left. False: the head is to be sent by the server."""
    own = connection.headers()
    first = None if own is None else head_of(response, own)
    descriptor = connection.descriptor()
    if first is None or descriptor is None:
        return False
    return _take(hub, reader, connection, descriptor, first)


async def hand_over(hub: Hub, reader: Subscription, connection: Held) -> bool:
    """Lets the hub write the stream by itself as soon as the head has left; the server then tells
    its application that the client has left. False: the stream is still to be sent."""
    connection.send_head()
    for _ in range(TURNS):
        if (descriptor := connection.descriptor()) is not None:
            return _take(hub, reader, connection, descriptor)
        await asyncio.sleep(0)
    return False


def _take(
    hub: Hub, reader: Subscription, connection: Held, descriptor: int, head: bytes = b""
) -> bool:
    try:
        wire = hub.sockets.adopt(descriptor)
    except OSError as error:  # no descriptor is left, or the client has just left
        logger.warning("A stream could not be taken over from %s: %s", connection.server, error)
        return False
    try:
        # A grant may have a path for the log, where the request's own is a secret
        log = connection.access_log(getattr(reader.grant, "path", ""))
        connection.let_go()
    except BaseException:
        wire.abandon()
        raise
    _say(f"Streams are written straight to their sockets: {connection.server} hands them over.")
    wire.begin(hub.leave(reader), log, head)
    hub.attach(reader, wire)
    return True


def _say(sentence: str) -> None:
    if sentence not in _said:
        _said.add(sentence)
        logger.info("%s", sentence)

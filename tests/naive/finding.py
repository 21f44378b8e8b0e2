"""What a scenario finds, and how it waits."""

import socket
from collections.abc import Callable
from contextlib import suppress

from tests.support.processes import wait_until

Finding = tuple[str, str]
"""A fault and, in words, what it did: the words of the table in docs/reliability.md."""


def within(seconds: float, look: Callable[[], object]) -> bool:
    """Whether `look` answers something true in that time."""
    try:
        wait_until(look, seconds)
    except AssertionError:
        return False
    return True


def drain(connection: socket.socket) -> bytes:
    """What has already come."""
    got = b""
    connection.setblocking(False)
    with suppress(BlockingIOError):
        while piece := connection.recv(65536):
            got += piece
    connection.setblocking(True)
    return got

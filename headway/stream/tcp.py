"""What the kernel is asked to do with a connection (tcp(7), socket(7))."""

import socket

from .outlet import RESET

SILENCE = 40.0
"""Seconds that a viewer may leave what was sent unacknowledged, or be silent without answering
the kernel: with STREAM_KEEPALIVE, a client that vanishes is gone within a minute."""


def prepare(descriptor: int) -> None:
    """Lets the kernel send at once, and find clients that have vanished (tcp(7))."""
    # Of whatever family it is: to find that out, and the type, takes four calls of the kernel.
    connection = socket.SocketType(socket.AF_INET, socket.SOCK_STREAM, 0, descriptor)
    try:
        connection.setblocking(False)
        family = connection.getsockopt(socket.SOL_SOCKET, socket.SO_DOMAIN)
        if family in (socket.AF_INET, socket.AF_INET6):
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            tcp = socket.IPPROTO_TCP
            # Twisted leaves it off: an update then waits until the one before is acknowledged.
            connection.setsockopt(tcp, socket.TCP_NODELAY, 1)
            connection.setsockopt(tcp, socket.TCP_KEEPIDLE, int(SILENCE / 2))
            connection.setsockopt(tcp, socket.TCP_KEEPINTVL, int(SILENCE / 8))
            connection.setsockopt(tcp, socket.TCP_USER_TIMEOUT, int(SILENCE * 1000))
    finally:
        connection.detach()


def throw_away(descriptor: int) -> None:
    """Lets close() throw away what was not sent, and say so by a reset."""
    connection = socket.socket(fileno=descriptor)
    try:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    finally:
        connection.detach()

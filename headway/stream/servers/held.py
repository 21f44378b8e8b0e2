"""A connection while its web server holds it: what each server's file must say about it."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Protocol

logger = logging.getLogger("headway.stream.access")

Log = Callable[[int, float], None]
"""Notes the end of a response: its bytes, and the seconds since it was taken over."""


class Held(Protocol):
    """A connection over which a response of HTTP/1.1 is being sent, unencrypted."""

    server: str

    @property
    def announced(self) -> bool:
        """Whether the server itself says that this is the last response of the connection."""

    def headers(self) -> Sequence[tuple[bytes, bytes]] | None:
        """What the server adds to each response, unless that has begun. None where it has, and
        where the server has to send the head itself, since it logs each response at its start."""

    def send_head(self) -> None:
        """Makes a server that would wait for the first piece of the response send the head."""

    def descriptor(self) -> int | None:
        """Of the socket. None as long as the server has something to send over it, and when a
        response has begun that is not in chunks, or the client has left."""

    def access_log(self, path: str) -> Log | None:
        """What writes the line of the access log; None when the server was told to write none.
        `path` stands for the request's own, unless it is ""."""

    def let_go(self) -> None:
        """Makes the server close its own descriptor and forget the connection, as if the client
        had left, without a word to the client."""


@dataclass(frozen=True, slots=True)
class Kept:
    """Why a connection stays with its server."""

    reason: str


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the access log, all but its end. No query: it may hold more than the log should."""

    client: str
    method: str
    path: str
    status: int

    def __call__(self, sent: int, seconds: float) -> None:
        """Writes it: the bytes that were sent, chunks and all, and the seconds that it took."""
        logger.info(
            '%s "%s %s" %d, %d bytes, %.1f s',
            *(self.client, self.method, self.path, self.status, sent, seconds),
        )


def lacking(cls: Any, names: tuple[str, ...]) -> tuple[str, ...]:
    """Those attributes that objects of a class would not have: it shows neither them nor an
    `__init__` that sets them."""
    known = _names(cls)
    return tuple(name for name in names if name not in known)


@cache
def _names(cls: Any) -> frozenset[str]:
    names = {*dir(cls)}
    for base in cls.__mro__:
        code = getattr(getattr(base, "__init__", None), "__code__", None)
        names |= {*getattr(code, "co_names", ())}
    return frozenset(names)

"""The head of a response as it goes over the wire, for connections that are taken over before their
server has sent anything."""

from collections.abc import Sequence
from typing import Any

OWN = b"Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
LEFT_TO_SERVERS = frozenset({"content-length", "transfer-encoding", "connection"})
MAX_BYTES = 16 * 1024
"""Of what is kept for a client that does not read; servers keep more."""


def head_of(response: Any, added: Sequence[tuple[bytes, bytes]]) -> bytes | None:
    """The head of a response of Django's in chunks, the last of its connection, with the headers
    that a server adds where there are none of the name. None for what is left to the server."""
    items = [*response.items()]
    names = {name.lower() for name, _ in items}
    if response.status_code != 200 or not names.isdisjoint(LEFT_TO_SERVERS):
        return None
    lines = [f"{name}: {value}\r\n" for name, value in items]
    lines += [f"Set-Cookie: {each.OutputString()}\r\n" for each in response.cookies.values()]
    text = "".join(lines)
    is_odd = text.count("\r") != len(lines) or text.count("\n") != len(lines)  # servers refuse it
    if is_odd or len(text) > MAX_BYTES:
        return None
    missing = [each for each in added if each[0].decode("latin1").lower() not in names]
    own = [b"%b: %b\r\n" % each for each in missing]
    return b"".join((b"HTTP/1.1 200 OK\r\n", text.encode("latin1"), *own, OWN))

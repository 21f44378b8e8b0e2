"""The head of a response as it goes over the wire, for connections that are taken over before their
server has sent anything."""

from collections.abc import Sequence

from django.http.response import HttpResponseBase

OWN = b"Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
LEFT_TO_SERVERS = ("Content-Length", "Transfer-Encoding", "Connection")
MAX_BYTES = 16 * 1024
"""Of what is kept for a client that does not read; servers keep more."""


def head_of(response: HttpResponseBase, added: Sequence[tuple[bytes, bytes]]) -> bytes | None:
    """The head of a response in chunks, the last of its connection, with the headers that a server
    adds where the response has none of the name. None for what is left to the server."""
    if response.status_code != 200 or any(name in response for name in LEFT_TO_SERVERS):
        return None
    lines = [f"{name}: {value}\r\n" for name, value in response.items()]
    lines += [f"Set-Cookie: {each.OutputString()}\r\n" for each in response.cookies.values()]
    text = "".join(lines)
    is_odd = text.count("\r") != len(lines) or text.count("\n") != len(lines)  # servers refuse it
    if is_odd or len(text) > MAX_BYTES:
        return None
    own = [b"%b: %b\r\n" % (n, value) for n, value in added if n.decode("latin1") not in response]
    return b"".join((b"HTTP/1.1 200 OK\r\n", text.encode("latin1"), *own, OWN))

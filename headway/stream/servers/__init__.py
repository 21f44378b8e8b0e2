"""Web servers that can be made to let go of a connection, each in a file of its own and found by
feature, since these are not their public attributes."""

from importlib import import_module
from importlib.util import find_spec
from typing import Any

from ..servers import daphne, uvicorn
from ..servers.held import Held, Kept, lacking


def held(send: Any) -> Held | Kept:
    """The connection of an ASGI `send`; `Kept` says why the stream has to stay with the server."""
    for server in (daphne, uvicorn):
        if server.is_of(send):
            found: Held | Kept = server.held(send)
            return found
    return Kept("its server is not known, or something has wrapped the server's `send`")


def missing() -> dict[str, list[str]]:
    """What each server that is installed lacks to let go of a connection: nothing, if all is
    well. Loads parts of them."""
    return {
        server.NAME: [
            f"{module}.{name}.{attribute}"
            for (module, name), names in server.USES.items()
            for attribute in lacking(getattr(import_module(module), name, object), names)
        ]
        for server in (daphne, uvicorn)
        if find_spec(server.NAME.lower())
    }


__all__ = ["Held", "Kept", "held", "missing"]

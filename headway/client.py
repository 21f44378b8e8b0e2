"""Follows jobs from a program: `from headway.client import watch`. Needs httpx, the extra [client].

`for event in watch(url, token=...)`, or `async for` and `awatch`: docs/clients.md has arguments.
"""

from headway.stream.client import (
    AsyncWatch,
    GaveUpError,
    RefusedError,
    StreamError,
    StreamEvent,
    Watch,
    awatch,
    watch,
)

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

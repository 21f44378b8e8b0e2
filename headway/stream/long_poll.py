"""Long polls: waits until a stream would have something new, without being one. Asks the hub,
so that there is one way to catch up with the log, and holds only the request itself."""

import asyncio
import math
from collections.abc import Callable
from dataclasses import dataclass

from .asgi import Receive
from .hub import Hub
from .shutdown import last_words
from .sse import Decoder
from .subscription import Subscription
from .wire import Wire, nothing

SHOWN = frozenset({"snapshot", "resync", "progress", "state"})
"""Events that change a job's snapshot. Lines and output alone are no news to its clients."""


@dataclass(frozen=True)
class Wait:
    """What an answer may wait for: news for `reader`, `seconds` at most."""

    hub: Callable[[], Hub]
    """Called in the event loop that waits."""
    reader: Subscription
    seconds: float

    async def over(self, receive: Receive) -> "Bell | None":
        """Waits; None when the client has left meanwhile (`receive` of ASGI tells)."""
        hub, bell = self.hub(), Bell()
        leaving = asyncio.ensure_future(left(receive))
        try:
            hub.attach(self.reader, bell)
            waited_for = {bell.rung, leaving}
            with last_words(hub):
                await asyncio.wait(
                    waited_for, timeout=self.seconds, return_when=asyncio.FIRST_COMPLETED
                )
            return None if leaving.done() else bell
        finally:
            hub.detach(self.reader)
            leaving.cancel()
            await asyncio.gather(leaving, return_exceptions=True)


class Bell(Wire):
    """A wire that throws the stream away and rings at the first news. `busy`: seconds to wait
    because the server has too many streams; else 0."""

    way = "poll"

    def __init__(self) -> None:
        self.ready: Callable[[], None] = nothing
        self.rung: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.busy = 0
        self._decoder = Decoder()

    def write(self, piece: bytes) -> bool:
        """Never refuses."""
        events = {message.event for message in self._decoder.feed(piece)}
        if "busy" in events:
            self.busy = math.ceil((self._decoder.retry or 0) / 1000)
        if events & SHOWN:
            self.close()
        return True

    def close(self) -> None:
        """The stream has ended, whatever the reason: the answer will show it."""
        if not self.rung.done():
            self.rung.set_result(None)


async def left(receive: Receive) -> None:
    """Returns when the client has left."""
    while (await receive())["type"] != "http.disconnect":
        pass

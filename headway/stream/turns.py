"""Turns in a shared queue: a request waits for earlier requests of the same holder, so no
holder fills the queue ahead of others."""

import asyncio
from collections import deque
from collections.abc import Hashable
from contextlib import AbstractAsyncContextManager

Waiting = dict[Hashable, "deque[asyncio.Future[None]] | None"]
"""Keys whose turn it is, and who waits behind each: nearly always nobody."""


class Turns:
    """One at a time for each key, in the order of their asking. For one event loop."""

    def __init__(self) -> None:
        self._waiting: Waiting = {}

    def of(self, key: Hashable) -> AbstractAsyncContextManager[None]:
        """Waits for this key's turn, which lasts as long as the block."""
        return _Turn(key, self._waiting)


class _Turn(AbstractAsyncContextManager[None]):
    """A lock would be made for each holder, most of whom ask once."""

    __slots__ = ("_key", "_waiting")

    def __init__(self, key: Hashable, waiting: Waiting) -> None:
        self._key, self._waiting = key, waiting

    async def __aenter__(self) -> None:
        if self._key not in self._waiting:
            self._waiting[self._key] = None
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        queue = self._waiting[self._key]
        if queue is None:
            queue = self._waiting[self._key] = deque()
        queue.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():  # its turn came in the same moment
                self._hand_on()
            raise

    async def __aexit__(self, *_: object) -> None:
        self._hand_on()

    def _hand_on(self) -> None:
        queue = self._waiting[self._key]
        while queue:
            turn = queue.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        del self._waiting[self._key]

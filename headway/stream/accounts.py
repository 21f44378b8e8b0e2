"""How many streams each holder has: a stream counts until its client has read its last byte."""

import asyncio
from collections import Counter

from . import descriptors
from .limits import Limits
from .subscription import Subscription

EVERY = 0.2
"""Seconds between two looks at what has ended and is not read."""


class Accounts:
    """The streams of one hub, in all and by holder. One that has ended and is not read is reset
    after `Limits.unread` seconds: what servers and kernels keep for it costs as much as before."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._held: Counter[str] = Counter()
        self._total = 0  # of them: to add up all holders for each stream takes too long
        self._unread: dict[Subscription, float] = {}
        self._refused: set[Subscription] = set()
        self._looking: asyncio.TimerHandle | None = None
        self.cut_off = 0
        """Those that were reset."""

    def __len__(self) -> int:
        return self._total

    def are_enough(self, holder: str) -> bool:
        """Whether there may be no more streams, or none of this holder's; "" is nobody."""
        full = len(self) >= self._limits.max_streams
        return full or (bool(holder) and self._held[holder] >= self._limits.max_held)

    def is_full(self, holder: str, newest: int | None = None) -> bool:
        """The same, or whether descriptors are few. `newest`: one that was made just now."""
        return self.are_enough(holder) or descriptors.are_few(newest)

    def enter(self, reader: Subscription) -> None:
        """A stream begins."""
        self._held[reader.holder] += 1
        self._total += 1

    def refuse(self, reader: Subscription) -> None:
        """It was not let in: its answer counts for nobody, and is reset as others are."""
        self._refused.add(reader)
        self.leave(reader)

    def leave(self, reader: Subscription) -> None:
        """It is over: its client has left, or it has ended, and is yet to be read."""
        if reader.ended and reader.wire.unread():
            self._unread[reader] = _now() + self._limits.unread
            self._look_soon()
        else:
            self._forget(reader)

    async def settle(self, seconds: float) -> None:
        """Returns once all that has ended is read, or reset after so many seconds."""
        until = _now() + seconds
        self._unread = {reader: min(due, until) for reader, due in self._unread.items()}
        while self._unread:
            self._look()
            await asyncio.sleep(EVERY / 10)
        if self._looking is not None:
            self._looking.cancel()

    def _look_soon(self) -> None:
        if self._looking is None:
            self._looking = asyncio.get_running_loop().call_later(EVERY, self._look)

    def _look(self) -> None:
        """Forgets what has been read since, and resets what was not in time."""
        self._looking, now = None, _now()
        for reader, until in tuple(self._unread.items()):
            if now >= until:
                self.cut_off += reader.wire.unread()
                reader.wire.reset()
            if now >= until or not reader.wire.unread():
                del self._unread[reader]
                self._forget(reader)
        if self._unread:
            self._look_soon()

    def _forget(self, reader: Subscription) -> None:
        if reader in self._refused:
            self._refused.remove(reader)
            return
        self._held[reader.holder] -= 1
        self._total -= 1
        if not self._held[reader.holder]:
            del self._held[reader.holder]


def _now() -> float:
    return asyncio.get_running_loop().time()

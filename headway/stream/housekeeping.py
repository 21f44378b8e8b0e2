"""Maintains the open streams of a hub by the clock: keeps them alive, warns them when the log
is unavailable, and ends those that are too old or too large, or whose reader may no longer
read."""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Collection, Hashable, KeysView

from . import sse
from .limits import Limits
from .notices import SPENT, farewell
from .subscription import Subscription

logger = logging.getLogger(__name__)

Revoked = Callable[[Collection[Hashable]], Awaitable[Collection[Hashable]]]
"""Gives those grants that do not hold any more."""

LATE = 5.0
"""Seconds that a check of rights may be late on a busy machine, however often there is one."""
MIN_PERIOD = 2.0
"""Seconds of silence after which a reader may ask for a sign of life, at least."""
AWAY = 1.0
"""Seconds that the log may be away before streams say so."""


class Housekeeper:
    """`end(reader, last)` ends a stream with some last bytes, `away()` returns since when the log
    cannot be read, in the event loop's time."""

    def __init__(
        self,
        limits: Limits,
        end: Callable[[Subscription, bytes], None],
        away: Callable[[], float | None],
        revoked: Revoked,
    ) -> None:
        self.limits, self.stale = limits, False
        self._end, self._away, self._revoked = end, away, revoked
        self._records: dict[Subscription, _Record] = {}

    @property
    def readers(self) -> KeysView[Subscription]:
        """All that are looked after."""
        return self._records.keys()

    def begin(self, reader: Subscription) -> None:
        """Looks after a stream from now on."""
        self._records[reader] = _Record(_now(), self.limits, reader)

    def forget(self, reader: Subscription) -> bool:
        """No longer; False when it did not anyway."""
        return self._records.pop(reader, None) is not None

    async def run(self) -> None:
        """Looks after them for ever."""
        interval = min(1.0, self.limits.keepalive / 4)
        while True:
            await asyncio.sleep(interval)
            now, since = _now(), self._away()
            self._tell(since is not None and now - since > AWAY)
            for reader, record in tuple(self._records.items()):
                if reader.ended:
                    continue
                if now >= record.ends_at or reader.spent or self._is_in_doubt(reader, record, now):
                    sign = self.sign(reader) if reader.waits else b""
                    self._end(reader, farewell(SPENT, sign))
                elif record.is_quiet(reader.given, now, self._period(reader) - interval):
                    reader.wire.write(self.sign(reader))

    async def check(self) -> None:
        """Asks, for ever, whether readers may still read, and ends the streams of those that may
        not. Where that cannot be known it asks again; `run` ends what it learns nothing of."""
        interval = min(1.0, self.limits.recheck / 4)
        while True:
            await asyncio.sleep(interval)
            due = _now() - self.limits.recheck + interval
            readers = [reader for reader, record in self._records.items() if record.checked <= due]
            grants = {reader.grant for reader in readers if reader.grant is not None}
            try:
                revoked = await self._revoked(grants) if grants else ()
            except Exception as error:  # noqa: BLE001 - a database of any kind
                logger.warning("Could not check who may still read streams: %s", error)
                continue
            for reader in readers:
                if record := self._records.get(reader):
                    record.checked = _now()
                    if reader.grant in revoked:
                        self._end(reader, sse.AUTH)

    def _is_in_doubt(self, reader: Subscription, record: "_Record", now: float) -> bool:
        """Whether two looks at what lets a reader read were missed: the check fails, or hangs. It
        comes back to the door, which knows or refuses."""
        doubt = max(2 * self.limits.recheck, LATE)
        return reader.grant is not None and now - record.checked > doubt

    def _tell(self, stale: bool) -> None:
        """Sends all readers the news at once when it has changed."""
        if stale != self.stale:
            self.stale = stale
            for reader in tuple(self._records):
                if reader.heartbeat and not reader.ended:
                    reader.wire.write(sse.heartbeat(stale=stale))

    def _period(self, reader: Subscription) -> float:
        longest = self.limits.keepalive
        return min(longest, max(MIN_PERIOD, reader.period or longest))

    def sign(self, reader: Subscription) -> bytes:
        """Of life, as this reader wants it."""
        return sse.heartbeat(stale=self.stale) if reader.heartbeat else sse.KEEPALIVE


class _Record:
    """What is known of one stream."""

    __slots__ = ("_given", "_since", "checked", "ends_at")

    def __init__(self, now: float, limits: Limits, reader: Subscription) -> None:
        age = min(limits.max_age, reader.lasts)
        jitter = random.uniform(0.9, 1.1)  # noqa: S311 - not a secret
        self.ends_at = now + (reader.waits or age * jitter)
        self.checked = now
        self._given, self._since = 0, now

    def is_quiet(self, given: int, now: float, seconds: float) -> bool:
        """Whether nothing has been given for so long; asks again only after as long."""
        if given != self._given:
            self._given, self._since = given, now
        elif now - self._since >= seconds:
            self._since = now
            return True
        return False


def _now() -> float:
    return asyncio.get_running_loop().time()

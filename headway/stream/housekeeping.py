"""Looks after the open streams of a hub by the clock: keeps them alive, tells them when the log is
away, ends the old and the large ones and those whose reader may read no more."""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Collection, Hashable, KeysView
from dataclasses import dataclass

from . import sse
from .subscription import Subscription

logger = logging.getLogger(__name__)

Revoked = Callable[[Collection[Hashable]], Awaitable[Collection[Hashable]]]
"""Gives those grants that do not hold any more."""

CLOSING = b": this server is ending: come back, another one goes on from your cursor\n"
SPENT = b": this stream has lasted long enough: come back, it goes on from your cursor\n"
"""Why a stream ends that is to be resumed: comments, the first line of its last block."""
LATE = 5.0
"""Seconds that a look at who may read may be late on a busy machine, however often there is one."""
SHORTEST = 2.0
"""Seconds of silence after which a reader may ask for a sign of life, at least."""
AWAY = 1.0
"""Seconds that the log may be away before streams are told."""


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What streams may cost. Times in seconds, sizes in bytes."""

    tick: float = 0.05
    """Between two writes to one viewer at least."""
    keepalive: float = 15.0
    """Of silence, after which something is sent whatever Redis does."""
    max_age: float = 600.0
    """Of a stream, give or take a tenth; it then ends cleanly, to be resumed."""
    max_bytes: int = 4 * 1024 * 1024
    """Of a stream, likewise: all that a server can be made to keep for a viewer who never reads."""
    recheck: float = 30.0
    """Between two looks at whether a reader may still read."""
    buffer: int = 256 * 1024
    """That wait for a generator's consumer before it counts as behind."""
    max_streams: int = 20_000
    """Of one process, in all."""
    max_held: int = 100
    """Of one process, for one holder."""
    unread: float = 30.0
    """After its end, until a stream that its client does not read is reset."""
    hand_over: bool = True
    """Whether connections are taken over from web servers that let go of them."""


class Clock:
    """`end(reader, last)` ends a stream with some last bytes, `away()` tells since when the log
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
        self._watched: dict[Subscription, _Watch] = {}

    @property
    def readers(self) -> KeysView[Subscription]:
        """All that are looked after."""
        return self._watched.keys()

    def begin(self, reader: Subscription) -> None:
        """Looks after a stream from now on."""
        self._watched[reader] = _Watch(_now(), self.limits, reader)

    def forget(self, reader: Subscription) -> bool:
        """No longer; False when it did not anyway."""
        return self._watched.pop(reader, None) is not None

    async def run(self) -> None:
        """Looks after them for ever."""
        interval = min(1.0, self.limits.keepalive / 4)
        while True:
            await asyncio.sleep(interval)
            now, since = _now(), self._away()
            self._tell(since is not None and now - since > AWAY)
            for reader, watch in tuple(self._watched.items()):
                if reader.ended:
                    continue
                if now >= watch.ends_at or reader.spent or self._is_in_doubt(reader, watch, now):
                    sign = self.sign(reader) if reader.waits else b""
                    self._end(reader, farewell(SPENT, sign))
                elif watch.is_quiet(reader.given, now, self._period(reader) - interval):
                    reader.wire.write(self.sign(reader))

    async def check(self) -> None:
        """Asks, for ever, whether readers may still read, and ends the streams of who may not.
        Where nobody can tell it asks again; `run` ends what it learns nothing of."""
        interval = min(1.0, self.limits.recheck / 4)
        while True:
            await asyncio.sleep(interval)
            due = _now() - self.limits.recheck + interval
            readers = [reader for reader, watch in self._watched.items() if watch.checked <= due]
            grants = {reader.grant for reader in readers if reader.grant is not None}
            try:
                revoked = await self._revoked(grants) if grants else ()
            except Exception as error:  # noqa: BLE001 - a database of any kind
                logger.warning("Who may still read streams is not known: %s", error)
                continue
            for reader in readers:
                if watch := self._watched.get(reader):
                    watch.checked = _now()
                    if reader.grant in revoked:
                        self._end(reader, sse.AUTH)

    def _is_in_doubt(self, reader: Subscription, watch: "_Watch", now: float) -> bool:
        """Whether two looks at what lets a reader read were missed: the check fails, or hangs. It
        comes back to the door, which knows or refuses."""
        doubt = max(2 * self.limits.recheck, LATE)
        return reader.grant is not None and now - watch.checked > doubt

    def _tell(self, stale: bool) -> None:
        """Tells everybody at once when it has changed."""
        if stale != self.stale:
            self.stale = stale
            for reader in tuple(self._watched):
                if reader.heartbeat and not reader.ended:
                    reader.wire.write(sse.heartbeat(stale=stale))

    def _period(self, reader: Subscription) -> float:
        longest = self.limits.keepalive
        return min(longest, max(SHORTEST, reader.period or longest))

    def sign(self, reader: Subscription) -> bytes:
        """Of life, as this reader wants it."""
        return sse.heartbeat(stale=self.stale) if reader.heartbeat else sse.KEEPALIVE


class _Watch:
    """What the clock knows of one stream."""

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


def opening(reader: Subscription) -> bytes:
    """The first block of a stream: how long to wait before coming back (jittered, so that a
    restart is not answered by a stampede) and an id, which a bare blank line would reset."""
    wait = 300 if reader.waits else 1000
    retry = random.randint(wait, 3 * wait)  # noqa: S311 - not a secret
    return sse.encode(id=str(reader.cursor), retry=retry)


def farewell(why: bytes, sign: bytes = b"") -> bytes:
    """The last block of a stream that is to be resumed soon; `why` is a comment."""
    retry = random.randint(100, 1000)  # noqa: S311 - not a secret
    return sign + why + sse.encode(retry=retry)


def busy() -> bytes:
    """All that a stream over a limit says."""
    retry = random.randint(20_000, 40_000)  # noqa: S311 - not a secret
    return sse.encode(f'{{"retry":{retry}}}', event="busy", retry=retry)


def _now() -> float:
    return asyncio.get_running_loop().time()

"""A connection to Redis whose replies are handled in the very callback in which their bytes were
read: no future, no task, no time-out for each of them (docs/adr/0068)."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import hiredis
import redis

from .script import command


class Listener(asyncio.Protocol):
    """Takes over a connection that redis-py has made, over TLS, as an ACL user or by Sentinels as
    it may be, and calls `on_reply` for each reply, in order, RESP2 and not decoded. `lost` gets the
    error with which it ends, whatever `on_reply` raises included. `heard`: set with what comes.
    `rest` says for how many seconds nothing need be read: what comes meanwhile is read at once,
    which costs as much as one message."""

    def __init__(
        self,
        connection: Any,
        on_reply: Callable[[Any], None],
        rest: Callable[[], float] = lambda: 0.0,
    ) -> None:
        self.lost = asyncio.get_running_loop().create_future()
        self.heard = True
        self._on_reply, self._rest = on_reply, rest
        self._resting: asyncio.TimerHandle | None = None
        self._replies: Any = hiredis.Reader(redis.InvalidResponse, redis.ResponseError)
        self._transport = connection._writer.transport
        self._transport.set_protocol(self)

    def send(self, *commands: Sequence[str | int]) -> None:
        """Commands; their replies come as all others do."""
        self._go_on()
        self._transport.write(b"".join([command(*each) for each in commands]))

    def close(self, why: Exception) -> None:
        """Ends it at once, with this error."""
        self._transport.close()
        self.connection_lost(why)

    def data_received(self, data: bytes) -> None:
        """Handles all replies that these bytes complete."""
        if self.lost.done():  # over TLS, something still comes after `close`
            return
        self.heard = True
        try:
            self._replies.feed(data)
            while (reply := self._replies.gets()) is not False:  # which no reply of RESP2 is
                if isinstance(reply, redis.RedisError):
                    raise reply
                self._on_reply(reply)
            self._pause()
        except Exception as error:  # noqa: BLE001 - whoever waits for `lost` raises it
            self.close(error)

    def _pause(self) -> None:
        seconds = self._rest()
        if seconds > 0 and self._resting is None and not self._transport.is_closing():
            self._transport.pause_reading()
            loop = self.lost.get_loop()
            self._resting = loop.call_later(seconds, self._go_on)

    def _go_on(self) -> None:
        if self._resting is not None:
            self._resting.cancel()
            self._resting = None
            if not self.lost.done() and not self._transport.is_closing():
                self._transport.resume_reading()

    def connection_lost(self, exc: Exception | None) -> None:
        """No more will come."""
        if not self.lost.done():
            self.lost.set_result(exc or redis.ConnectionError("Redis has closed the connection."))

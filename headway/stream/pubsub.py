"""The one Pub/Sub connection of a web process: supervised, and it reports when it has lost
something."""

import asyncio
import logging
import random
from collections.abc import Callable, Iterable
from typing import Any

import redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from . import redis_clients
from .epoch import Epoch, async_on_connect
from .listener import Listener

logger = logging.getLogger(__name__)

SILENCE = 2.0
"""Seconds without a message after which the connection is asked for a sign of life; after as long
again without one it is lost."""
CONNECT_TIMEOUT = 5.0
"""Seconds for a connection and its first answers, for which redis-py would wait for ever: a server
that hangs is connected to all the same, by the kernel."""
MAX_PAUSE = 2.0
"""Seconds between two attempts to connect at most."""


class Channels:
    """Subscribes to channels and hands their messages to `on_message(channel, data)`, in order,
    beginning after `on_subscribe(channel)`. After a lost connection `on_loss()` is called: all
    channels must then be asked for again. `rest` says for how many seconds no message is needed."""

    def __init__(
        self,
        url: str,
        on_message: Callable[[str, bytes], None],
        on_subscribe: Callable[[str], None],
        on_loss: Callable[[], None],
        rest: Callable[[], float],
    ) -> None:
        # No retry: a silent reconnect hides a loss.
        self._client = redis_clients.async_client(
            url,
            protocol=2,
            retry=Retry(NoBackoff(), 0),
            socket_connect_timeout=2,
            redis_connect_func=async_on_connect,
        )
        self._on_message, self._on_subscribe = on_message, on_subscribe
        self._on_loss, self._rest = on_loss, rest
        self._listener: Listener
        self.epoch: Epoch
        """Of the server that it hears, once an `ask` has returned."""
        self._up = asyncio.Event()
        self.unconfirmed: set[str] = set()
        self._confirmed: set[str] = set()
        self._waiting: asyncio.Future[None] | None = None

    async def ask(self, wanted: Iterable[str]) -> bool:
        """Asks for those of `wanted` that have not been asked for, and drops all others. Whether
        there were any; `unconfirmed` are those that Redis has yet to confirm. For one caller at a
        time, who bounds the wait for a connection."""
        await self._up.wait()
        needed = set(wanted)
        missing, spare = needed - self._confirmed - self.unconfirmed, self._confirmed - needed
        if spare:
            self._confirmed -= spare
            self._listener.send(("UNSUBSCRIBE", *spare))
        if missing:
            self.unconfirmed |= missing
            self._listener.send(("SUBSCRIBE", *missing))
        return bool(missing)

    async def confirmed(self) -> None:
        """Returns once Redis has confirmed all. As `ask`; raises redis.ConnectionError when the
        connection is lost."""
        if self.unconfirmed:
            self._waiting = asyncio.get_running_loop().create_future()
            await self._waiting

    def renew(self) -> None:
        """Connects again: what it hears is not what others write."""
        if self._up.is_set():
            self._up.clear()
            self._listener.close(redis.ConnectionError("Another server is to be heard."))

    async def run(self) -> None:
        """Connects, reads and connects again, until it is cancelled."""
        async with self._client:
            await self._run()

    async def _run(self) -> None:
        pool: Any = self._client.connection_pool
        pause = 0.05
        while True:
            connection = pool.make_connection()
            try:
                async with asyncio.timeout(CONNECT_TIMEOUT):
                    await connection.connect()
                self._listener = Listener(connection, self._on_reply, self._may_rest)
                self.epoch = connection.epoch
                self._up.set()
                pause = 0.05
                await self._watch(self._listener)
            except (redis.RedisError, OSError) as error:
                logger.warning("Live messages are interrupted: %s", error)
            except Exception:  # whatever it was, streams must not stand still for ever
                logger.exception("Live messages are interrupted")
            finally:
                self._up.clear()
                self._forget()
                await connection.disconnect(nowait=True)
            self._on_loss()
            await asyncio.sleep(pause * random.uniform(0.5, 1))  # noqa: S311 - not a secret
            pause = min(pause * 2, MAX_PAUSE)

    async def _watch(self, listener: Listener) -> None:
        """Raises why the connection is lost, once it is."""
        asked = False
        while not listener.lost.done():
            if listener.heard:
                asked = listener.heard = False
            elif asked:
                raise redis.ConnectionError("Redis has been silent for too long.")
            else:
                asked = True
                listener.send(("PING",))
            await asyncio.wait([listener.lost], timeout=SILENCE)
        raise listener.lost.result()

    def _on_reply(self, reply: Any) -> None:
        kind = reply[0]
        if kind == b"message":
            self._on_message(reply[1].decode(), reply[2])
        elif kind == b"subscribe":
            self._confirm(reply[1].decode())

    def _may_rest(self) -> float:
        return 0.0 if self.unconfirmed else self._rest()

    def _confirm(self, channel: str) -> None:
        self._on_subscribe(channel)
        self._confirmed.add(channel)
        self.unconfirmed.discard(channel)
        if not self.unconfirmed and self._waiting and not self._waiting.done():
            self._waiting.set_result(None)

    def _forget(self) -> None:
        self._confirmed.clear()
        self.unconfirmed.clear()
        if self._waiting and not self._waiting.done():
            self._waiting.set_exception(redis.ConnectionError("Live messages were interrupted."))

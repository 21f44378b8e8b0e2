"""Reads of Redis whose replies are what the parser makes of their bytes as these come in. Through
redis-py's pipeline a thousand entries take as long again, and more turns of the event loop."""

import asyncio
from collections.abc import Sequence
from typing import Any

import redis

from .listener import Listener

Command = tuple[str | int, ...]


class Transactions:
    """Transactions of one event loop, one at a time, each in one round trip, over one connection
    that a client of redis-py makes when it is needed."""

    def __init__(self, client: "redis.asyncio.Redis") -> None:
        self._client = client
        self._connection: Any = None
        self._listener: Listener
        self._answer: asyncio.Future[list[Any]]

    async def run(self, commands: Sequence[Command]) -> list[Any]:
        """The reply to each command, as Redis gives it. The caller bounds the wait. Raises
        redis.RedisError; the next one is then run over another connection."""
        try:
            if self._connection is None or self._listener.lost.done():
                await self._connect()
            self._answer = asyncio.get_running_loop().create_future()
            self._listener.send(("MULTI",), *commands, ("EXEC",))
            replies = await self._answer
            for reply in replies:
                if isinstance(reply, redis.RedisError):
                    raise reply
        except BaseException:  # what still comes would be taken for an answer to the next one
            await self.drop()
            raise
        return replies

    async def drop(self) -> None:
        """Closes the connection."""
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.disconnect(nowait=True)

    async def close(self) -> None:
        """Ends the client as well."""
        await self.drop()
        await self._client.aclose()

    async def _connect(self) -> None:
        await self.drop()
        pool: Any = self._client.connection_pool
        self._connection = pool.make_connection()
        await self._connection.connect()
        self._listener = Listener(self._connection, self._on_reply)
        self._listener.lost.add_done_callback(self._on_lost)

    def _on_reply(self, reply: Any) -> None:
        """All but the last are OK and QUEUED."""
        if type(reply) is list and not self._answer.done():
            self._answer.set_result(reply)

    def _on_lost(self, lost: "asyncio.Future[Exception]") -> None:
        if lost is self._listener.lost and not self._answer.done():
            self._answer.set_exception(lost.result())

"""Reads of Redis whose replies are what the parser makes of their bytes as these come in. Through
redis-py's pipeline a thousand entries take as long again, and more turns of the event loop."""

import asyncio
from collections import deque
from collections.abc import Sequence
from typing import Any

import redis

from .listener import Listener

Command = tuple[str | int, ...]


class Transactions:
    """Transactions of one event loop, each in one round trip, over one connection that a client of
    redis-py makes when it is needed."""

    def __init__(self, client: "redis.asyncio.Redis") -> None:
        self._client = client
        self._connection: Any = None
        self._listener: Listener
        self._asked: deque[asyncio.Future[list[Any]]] = deque()
        self._begun: tuple[Sequence[Command], asyncio.Future[list[Any]]] | None = None

    def begin(self, commands: Sequence[Command]) -> None:
        """Asks already what the next `run` may ask, where that waits for nothing else."""
        if self._is_up() and not self._asked:
            self._begun = commands, self._ask(commands)

    def has_begun(self, commands: Sequence[Command]) -> bool:
        """Whether this has been asked, and nothing else since."""
        return self._begun is not None and self._begun[0] == commands

    async def run(self, commands: Sequence[Command]) -> list[Any]:
        """The reply to each command, as Redis gives it; for one caller at a time, who bounds the
        wait. Raises redis.RedisError; the next one is then run over another connection."""
        begun, self._begun = self._begun, None
        try:
            if begun is None or begun[0] != commands:
                if not self._is_up():
                    await self._connect()
                begun = commands, self._ask(commands)
            replies = await begun[1]
            for reply in replies:
                if isinstance(reply, redis.RedisError):
                    raise reply
        except BaseException:  # what still comes would be taken for an answer to the next one
            await self.drop()
            raise
        return replies

    async def drop(self) -> None:
        """Closes the connection."""
        connection, self._connection, self._begun = self._connection, None, None
        self._asked.clear()
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

    def _is_up(self) -> bool:
        return self._connection is not None and not self._listener.lost.done()

    def _ask(self, commands: Sequence[Command]) -> "asyncio.Future[list[Any]]":
        answer: asyncio.Future[list[Any]] = asyncio.get_running_loop().create_future()
        self._asked.append(answer)
        self._listener.send(("MULTI",), *commands, ("EXEC",))
        return answer

    def _on_reply(self, reply: Any) -> None:
        """All but the last are OK and QUEUED."""
        if type(reply) is list and self._asked:
            answer = self._asked.popleft()
            if not answer.done():
                answer.set_result(reply)

    def _on_lost(self, lost: "asyncio.Future[Exception]") -> None:
        if lost is self._listener.lost:
            self._begun = None  # the next one is asked over another connection
            for answer in self._asked:
                if not answer.done():
                    answer.set_exception(lost.result())
                    answer.exception()  # nobody may wait for one that was only begun
            self._asked.clear()

"""Runs one Lua script over connections of its own: redis-py's client adds more to a call than
the script itself costs (docs/performance.md, append)."""

import os
from collections import deque
from collections.abc import Sequence
from itertools import chain, repeat
from typing import Any, cast

import redis

Call = tuple[Sequence[str], Sequence[Any]]
"""KEYS and ARGV of one call."""


class Script:
    """Calls `text` over connections as `client`'s pool makes them: their time-outs, their retries,
    their TLS. Safe to share between threads, each of which takes a connection for one call."""

    def __init__(self, client: "redis.Redis", text: str) -> None:
        self._pool: Any = client.connection_pool
        self._text = text
        self.sha = str(client.register_script(text).sha)
        self._idle: deque[Any] = deque()
        self._pid = os.getpid()

    def __call__(self, calls: Sequence[Call], *, atomic: bool = False) -> list[Any]:
        """What the script returns for each call, in one round trip; all of them in one step where
        it is `atomic`. Raises the first error as redis.RedisError; other calls may have run."""
        connection = self._take()

        def call() -> list[Any]:
            connection.connect()  # to the primary of now; to send would be to that of before
            try:
                return self._answers(connection, ("EVALSHA", self.sha), calls, atomic)
            except redis.exceptions.NoScriptError:  # Redis has restarted: none has run
                return self._answers(connection, ("EVAL", self._text), calls, atomic)

        try:
            return cast(
                "list[Any]",
                connection.retry.call_with_retry(call, lambda _: connection.disconnect()),
            )
        except redis.ResponseError:
            raise
        except BaseException:  # an answer may still be on its way, and is nobody else's
            connection.disconnect()
            raise
        finally:
            self._idle.append(connection)

    def close(self) -> None:
        """Closes the connections that are not in use."""
        while self._idle:
            self._idle.pop().disconnect()

    def _answers(
        self, connection: Any, first: tuple[str, str], calls: Sequence[Call], atomic: bool
    ) -> list[Any]:
        """Sends all, the `first` by that command, and reads all answers before one may raise: what
        is left unread would be taken for the next one's."""
        scripts = chain([first], repeat(("EVALSHA", self.sha)))
        commands: list[Any] = [
            (*script, len(keys), *keys, *args)
            for script, (keys, args) in zip(scripts, calls, strict=False)
        ]
        if atomic:
            commands = [("MULTI",), *commands, ("EXEC",)]
        connection.send_packed_command(connection.pack_commands(commands))
        answers = [_answer(connection) for _ in commands]
        found = answers[-1] if atomic and isinstance(answers[-1], list) else answers
        for each in (*answers, *found):
            if isinstance(each, Exception):
                raise each
        return found

    def _take(self) -> Any:
        if self._pid != os.getpid():  # after a fork they are the parent's
            self._idle, self._pid = deque(), os.getpid()
        try:
            return self._idle.pop()
        except IndexError:
            return self._pool.make_connection()


def _answer(connection: Any) -> Any:
    try:
        return connection.read_response()
    except redis.ResponseError as error:
        return error

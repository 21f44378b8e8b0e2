"""Runs one Lua script over connections of its own: redis-py's client adds more to a call than
the script itself costs (docs/performance.md, append)."""

import os
from collections import deque
from collections.abc import Sequence
from typing import Any

import redis


class Script:
    """Calls `text` over connections as `client`'s pool makes them: their time-outs, their retries,
    their TLS. Safe to share between threads, each of which takes a connection for one call."""

    def __init__(self, client: "redis.Redis", text: str) -> None:
        self._pool: Any = client.connection_pool
        self._text = text
        self.sha = str(client.register_script(text).sha)
        self._idle: deque[Any] = deque()
        self._pid = os.getpid()

    def __call__(self, keys: Sequence[str], args: Sequence[Any]) -> Any:
        """What the script returns (EVALSHA). Raises redis.RedisError."""
        connection = self._take()

        def call() -> Any:
            connection.connect()  # to the primary of now; to send would be to that of before
            try:
                connection.send_command("EVALSHA", self.sha, len(keys), *keys, *args)
                return connection.read_response()
            except redis.exceptions.NoScriptError:  # Redis has restarted
                connection.send_command("EVAL", self._text, len(keys), *keys, *args)
                return connection.read_response()

        try:
            return connection.retry.call_with_retry(call, lambda _: connection.disconnect())
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

    def _take(self) -> Any:
        if self._pid != os.getpid():  # after a fork they are the parent's
            self._idle, self._pid = deque(), os.getpid()
        try:
            return self._idle.pop()
        except IndexError:
            return self._pool.make_connection()

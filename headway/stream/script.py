"""Runs one Lua script over connections of its own, with arguments that are packed already: redis-py
adds more to a call than the script itself costs (docs/performance.md, append)."""

import os
from collections import deque
from collections.abc import Sequence
from typing import Any

import redis

Packed = tuple[int, bytes]
"""So many arguments of a command, as they are sent."""


def pack(*values: object) -> Packed:
    """Arguments as Redis has them on the wire: bulk strings, of UTF-8."""
    texts = [str(value).encode() for value in values]
    return len(texts), b"".join([b"$%d\r\n%b\r\n" % (len(text), text) for text in texts])


class Script:
    """Calls `text` over connections as `client`'s pool makes them: their time-outs, their retries,
    their TLS. Safe to share between threads: each takes a connection for one round trip."""

    def __init__(self, client: "redis.Redis", text: str) -> None:
        self._pool: Any = client.connection_pool
        self._text = text
        _, self._name = pack("EVALSHA", client.register_script(text).sha)
        self._idle: deque[Any] = deque()
        self._pid = os.getpid()

    def __call__(self, calls: Sequence[Packed], *, atomic: bool = False) -> list[Any]:
        """What the script returns for each of the calls, which go in one round trip, as one step
        where `atomic`. A call is what follows the name of the script: the number of its keys, the
        keys and the arguments. Raises redis.RedisError for the first that fails; others may have
        run."""
        connection = self._take()
        commands = [b"*%d\r\n%b%b" % (2 + count, self._name, packed) for count, packed in calls]
        if atomic:
            commands = [b"MULTI\r\n", *commands, b"EXEC\r\n"]

        def call() -> list[Any]:
            connection.connect()  # to the primary of now; to send would be to that of before
            try:
                return _ask(connection, commands, atomic)
            except redis.exceptions.NoScriptError:  # Redis has restarted: none of them has run
                connection.send_command("SCRIPT LOAD", self._text)
                connection.read_response()
                return _ask(connection, commands, atomic)

        try:
            replies: list[Any] = connection.retry.call_with_retry(
                call, lambda _: connection.disconnect()
            )
            return replies
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


def _ask(connection: Any, commands: Sequence[bytes], atomic: bool) -> list[Any]:
    connection.send_packed_command([b"".join(commands)])
    replies = [_reply(connection) for _ in commands]
    if atomic and isinstance(replies[-1], list):
        replies = replies[-1]  # those before are OK and QUEUED
    for reply in replies:
        if isinstance(reply, Exception):
            raise reply
    return replies


def _reply(connection: Any) -> Any:
    try:
        return connection.read_response()
    except redis.ResponseError as error:  # those to the commands after it are still to come
        return error

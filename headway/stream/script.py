"""Runs one Lua script over connections of its own, with arguments that are packed already: redis-py
adds more to a call than the script itself costs (docs/performance.md, append)."""

import os
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

import hiredis
import redis

Packed = tuple[int, bytes]
"""So many arguments of a command, as they are sent."""
READ = 65536
"""Bytes at a time."""


def pack(*values: object) -> Packed:
    """Arguments as Redis has them on the wire: bulk strings, of UTF-8."""
    texts = [str(value).encode() for value in values]
    return len(texts), b"".join([b"$%d\r\n%b\r\n" % (len(text), text) for text in texts])


def command(*values: object) -> bytes:
    """A command as it is sent. redis-py takes twice as long to find out of what types the values
    are."""
    count, packed = pack(*values)
    return b"*%d\r\n%b" % (count, packed)


class Script:
    """Calls `text` over connections as `client`'s pool makes them: their time-outs, their retries,
    their TLS. Safe to share between threads: each takes a connection for one round trip."""

    def __init__(self, client: "redis.Redis", text: str) -> None:
        self._pool: Any = client.connection_pool
        self._text = text
        _, self._name = pack("EVALSHA", client.register_script(text).sha)
        self._idle: deque[_Line] = deque()
        self._pid = os.getpid()

    def __call__(self, calls: Sequence[Packed], *, atomic: bool = False) -> list[Any]:
        """What the script returns for each of the calls, which go in one round trip, as one step
        where `atomic`. A call is what follows the name of the script: the number of its keys, the
        keys and the arguments. Raises redis.RedisError for the first that fails; others may have
        run."""
        commands = [b"*%d\r\n%b%b" % (2 + count, self._name, packed) for count, packed in calls]
        if atomic:
            commands = [b"MULTI\r\n", *commands, b"EXEC\r\n"]
        line = self._take()

        def call() -> list[Any]:
            try:
                return line.ask(commands, atomic=atomic)
            except redis.exceptions.NoScriptError:  # Redis has restarted: none of them has run
                line.load(self._text)
                return line.ask(commands, atomic=atomic)

        try:
            replies: list[Any] = line.retry.call_with_retry(call, lambda _: line.disconnect())
            return replies
        except redis.ResponseError:
            raise
        except BaseException:  # an answer may still be on its way, and is nobody else's
            line.disconnect()
            raise
        finally:
            self._idle.append(line)

    def close(self) -> None:
        """Closes the connections that are not in use."""
        while self._idle:
            self._idle.pop().disconnect()

    def _take(self) -> "_Line":
        if self._pid != os.getpid():  # after a fork they are the parent's
            self._idle, self._pid = deque(), os.getpid()
        try:
            return self._idle.pop()
        except IndexError:
            return _Line(self._pool.make_connection())


class _Line:
    """A connection that redis-py makes, whose commands and replies pass it by: what it does for
    each of them takes as long as the system calls."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self.retry: Any = connection.retry
        self.disconnect: Callable[[], None] = connection.disconnect

    def ask(self, commands: Sequence[bytes], *, atomic: bool) -> list[Any]:
        """The replies. Raises redis.RedisError for the first that is one, when all are there."""
        if self._connection._sock is None:
            self._connection.connect()  # to the primary of now
            error = self._connection._parser.parse_error
            self._reader: Any = hiredis.Reader(redis.InvalidResponse, error)
        replies: list[Any] = []
        try:
            socket = self._connection._sock
            socket.sendall(b"".join(commands))
            while len(replies) < len(commands):
                self._reader.feed(_some(socket.recv(READ)))
                while (reply := self._reader.gets()) is not False:
                    if type(reply) is not hiredis.PushNotification:  # which nobody has asked for
                        replies.append(reply)
        except TimeoutError:
            raise redis.TimeoutError("Redis does not answer.") from None
        except OSError as error:
            raise redis.ConnectionError(f"The connection to Redis is lost: {error}") from error
        if atomic and isinstance(replies[-1], list):
            replies = replies[-1]  # those before are OK and QUEUED
        for reply in replies:
            if isinstance(reply, Exception):
                raise reply
        return replies

    def load(self, text: str) -> None:
        """Gives Redis the script (SCRIPT LOAD)."""
        self._connection.send_command("SCRIPT LOAD", text)
        self._connection.read_response()


def _some(data: bytes) -> bytes:
    if not data:
        raise redis.ConnectionError("Redis has closed the connection.")
    return data

"""What a client of a stream must do from one connection to the next, without I/O: judge each
response, parse it, keep the cursor, and decide whether and when to reconnect
(docs/protocol.md)."""

import json
import logging
import random
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from .event import VERSION
from .sse import Decoder, Message

logger = logging.getLogger(__name__)

TRANSIENT = frozenset({408, 425, 429})
"""Statuses below 500 that may be better next time."""
MAX_RETRY = 60.0
"""Seconds that a server can ask a client to wait at most."""
MAX_JITTER = 30.0
"""Seconds that are drawn on top at most."""
SETTLED = 10.0
"""Seconds after which a connection was a good one although it brought no event."""
MAX_EVENT = 64 * 1024 * 1024
"""Bytes without an event in them after which a stream is none of ours."""


class StreamError(Exception):
    """The stream cannot be followed any further."""


class RefusedError(StreamError):
    """The server said so for good: 401, 403, 404, a redirect, something that is no stream.
    `status` is the HTTP status."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class GaveUpError(StreamError):
    """There was no good connection for as long as the caller wanted to wait."""


class Interrupted(Exception):  # noqa: N818 - an event of every long stream, no error of the caller
    """This connection is over; another one may be better. Never leaves `watch`."""

    def __init__(self, reason: str, retry_after: str = "") -> None:
        super().__init__(reason)
        self.retry_after = float(retry_after) if retry_after.isdecimal() else 0.0


@dataclass(frozen=True, slots=True)
class StreamEvent:
    """One event: its kind, its data (parsed where it is JSON, else the text) and the id that is
    the cursor from here on."""

    event: str
    data: Any
    id: str


class Following:
    """One stream over all its connections. `cursor` is that of the last event taken; `done` is
    set by the stream's own end. Times in seconds; `give_up` None never does."""

    def __init__(
        self,
        cursor: str = "",
        *,
        backoff: float = 1.0,
        give_up: float | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.cursor = cursor
        self.done = False
        self._backoff, self._give_up, self._clock = backoff, give_up, clock
        self._decoder = Decoder(cursor)
        self._retry = 0.0
        self._failures = 0
        self._wrong_types = 0
        self._unread = 0
        self._opened_at = clock()
        self._lost_at: float | None = None

    def headers(self) -> dict[str, str]:
        """What the next request must say."""
        wanted = {
            "Accept": "text/event-stream",
            "Accept-Encoding": "identity",
            "Cache-Control": "no-store",
        }
        cursor = self.cursor.strip()
        # An id can hold what no header may.
        return wanted | ({"Last-Event-ID": cursor} if cursor and cursor.isprintable() else {})

    def open(self, status: int, headers: Mapping[str, str]) -> None:
        """Judges an answer. Raises RefusedError, or Interrupted for what may pass."""
        if status >= 500 or status in TRANSIENT:
            raise Interrupted(f"the server answered {status}", headers.get("retry-after", ""))
        if status != 200:
            raise RefusedError(status, _refusal(status, headers))
        if problem := _unreadable(headers):
            self._wrong_types += 1
            if self._wrong_types > 1:
                raise RefusedError(status, f"Not an event stream: the answer is {problem}.")
            raise Interrupted(f"the answer is {problem}")
        if (version := headers.get("progress-version", str(VERSION))) != str(VERSION):
            told = f"The server speaks version {version} of the stream, this client {VERSION}"
            raise RefusedError(status, f"{told}: install the release that the server runs.")
        self._wrong_types = 0
        self._decoder = Decoder(self.cursor)
        self._unread = 0
        self._opened_at = self._clock()

    def feed(self, chunk: bytes) -> Iterator[StreamEvent]:
        """The events that a chunk completes, up to the end of the stream."""
        if self._clock() - self._opened_at > SETTLED:
            self._settle()
        self._unread += len(chunk)
        for message in self._decoder.feed(chunk):
            if message.event == "busy":
                raise Interrupted("the server has too many streams")
            self._unread = 0
            self._settle()
            self.cursor = message.id
            if message.event == "done":
                self.done = True
                return
            yield _typed(message)
        self.cursor = self._decoder.last_id
        if self._unread > MAX_EVENT:
            raise RefusedError(200, f"Not one of our streams: no event within {MAX_EVENT} bytes.")

    def pause(self, reason: Exception | str) -> float:
        """Seconds to wait before the next connection: what the stream asked for and, on top, a
        random part of a time that doubles with each vain attempt. Raises GaveUpError."""
        now = self._clock()
        if self._lost_at is None:
            self._lost_at = now
        if self._decoder.retry is not None:
            self._retry = min(self._decoder.retry / 1000, MAX_RETRY)
        asked = reason.retry_after if isinstance(reason, Interrupted) else 0.0
        spread = min(MAX_JITTER, self._backoff * 2 ** min(self._failures, 10))
        wait = max(self._retry, min(asked, MAX_RETRY))
        wait += random.uniform(0, spread)  # noqa: S311 - not a secret
        self._failures += 1
        if self._give_up is not None and now + wait - self._lost_at > self._give_up:
            cause = str(reason) or type(reason).__name__
            raise GaveUpError(f"No stream for {self._give_up:g} s; the last problem: {cause}.")
        level = logging.WARNING if self._failures > 1 else logging.INFO
        logger.log(level, "Stream interrupted (%s); again in %.1f s", reason, wait)
        return wait

    def _settle(self) -> None:
        self._failures, self._lost_at = 0, None


def _typed(message: Message) -> StreamEvent:
    try:
        data = json.loads(message.data)
    except (ValueError, RecursionError):
        data = message.data
    return StreamEvent(message.event, data, message.id)


def _unreadable(headers: Mapping[str, str]) -> str:
    """What an answer is that is no stream as it was asked for; "" for one that is. What is
    compressed is never unpacked: no limit on what came holds for what it becomes."""
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "text/event-stream":
        return kind or "untyped"
    coding = headers.get("content-encoding", "").strip().lower()
    return f"compressed ({coding})" if coding not in ("", "identity") else ""


def _refusal(status: int, headers: Mapping[str, str]) -> str:
    """Why this status ends it, in a sentence."""
    if 300 <= status < 400:
        return f"{status}: the stream is not here but at {headers.get('location', 'nowhere')!r}."
    known = {
        204: "204: the server wants no more connections.",
        401: "401: not signed in; the token is missing, wrong, expired or revoked.",
        403: "403: this may not be read.",
        404: "404: there is no such job, or it belongs to another user.",
    }
    return known.get(status, f"{status}: the server refused.")

"""Server-Sent Events to bytes and back, without I/O (WHATWG HTML, section 9.2)."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

_LINE_END = re.compile(r"\r\n|\r|\n")
_NOT_IN_FIELD = str.maketrans("", "", "\r\n\0")

KEEPALIVE = b": keepalive\n\n"
DONE = b"event: done\ndata: [DONE]\n\n"
AUTH = b"event: auth\ndata: {}\n\n"


def encode(
    data: str | None = None,
    *,
    event: str = "",
    id: str = "",  # noqa: A002 - the specification's name
    retry: int | None = None,
) -> bytes:
    """One block. CR, LF and NUL are dropped from `id` and `event`; `data` gets one line for
    each of its own; lone surrogates become `?`; `retry` is in milliseconds (section 9.2.6)."""
    lines = []
    if retry is not None:
        lines.append(f"retry: {int(retry)}")
    if written := id.translate(_NOT_IN_FIELD):  # an empty one would take the client's cursor away
        lines.append(f"id: {written}")
    if written := event.translate(_NOT_IN_FIELD):
        lines.append(f"event: {written}")
    if data is not None:
        lines.extend(f"data: {line}" for line in _LINE_END.split(data))
    return ("\n".join(lines) + "\n\n").encode("utf-8", "replace")


@cache
def heartbeat(*, stale: bool, ends: bool = False) -> bytes:
    """A sign of life that JavaScript can see. `stale`: the log cannot be read at the moment;
    `ends`: each answer ends at once, and whoever asks comes back."""
    ends_field = ',"ends":true' if ends else ""
    return encode(f'{{"stale":{str(stale).lower()}{ends_field}}}', event="heartbeat")


@dataclass(frozen=True, slots=True)
class Message:
    """An event as a client sees it: `id` is the last one the stream has set so far."""

    data: str
    event: str = "message"
    id: str = ""


class Decoder:
    """Parses a stream chunk by chunk; no input raises. `last_id` and `retry` (milliseconds or
    None, at most 15 digits) are what a client needs to reconnect (section 9.2.6)."""

    def __init__(self, last_id: str = "") -> None:
        self.last_id = last_id
        self.retry: int | None = None
        self._line = bytearray()
        self._after_cr = False
        self._at_start = True
        self._data: list[str] = []
        self._event = ""
        self._id = last_id

    def feed(self, chunk: bytes) -> Iterator[Message]:
        """The messages that `chunk` completes. What never gets its blank line is never one."""
        if self._after_cr and chunk:
            self._after_cr = False
            chunk = chunk.removeprefix(b"\n")
        self._after_cr = self._after_cr or chunk.endswith(b"\r")
        lines = re.split(rb"\r\n|\r|\n", chunk)
        for rest in lines[:-1]:
            line = bytes(self._line + rest)
            self._line.clear()
            message = self._take(line)
            if message is not None:
                yield message
        self._line += lines[-1]

    def _take(self, raw: bytes) -> Message | None:
        if self._at_start:
            self._at_start = False
            raw = raw.removeprefix(b"\xef\xbb\xbf")
        line = raw.decode("utf-8", "replace")
        if not line:
            return self._dispatch()
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if name == "data":
            self._data.append(value)
        elif name == "event":
            self._event = value
        elif name == "id" and "\0" not in value:
            self._id = value
        elif name == "retry" and value.isascii() and value.isdigit():
            self.retry = int(value[:15])
        return None

    def _dispatch(self) -> Message | None:
        self.last_id = self._id
        data, event = self._data, self._event
        self._data, self._event = [], ""
        if not data:
            return None
        return Message("\n".join(data), event or "message", self.last_id)

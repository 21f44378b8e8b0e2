"""Blocks of a stream as messages of a WebSocket, and the messages of its client. Pure."""

import contextlib
import json
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any, NamedTuple

from .event import to_json


class Frame(NamedTuple):
    """One block of a stream: its event, and the inside of a JSON object with all its fields."""

    event: str
    fields: str


@lru_cache(maxsize=16)  # readers of the same jobs are given the same bytes
def frames(piece: bytes) -> tuple[Frame, ...]:
    """The blocks of a piece that the engine has encoded, without its comments."""
    found = []
    for block in piece.decode("ascii").split("\n\n"):
        lines = [line.partition(": ") for line in block.split("\n") if line[:1] not in ("", ":")]
        if lines:
            fields = ((name, _json(name, value)) for name, _, value in lines)
            inside = ",".join(f'"{name}":{value}' for name, value in fields)
            event = next((value for name, _, value in lines if name == "event"), "")
            found.append(Frame(event, inside))
    return tuple(found)


def told(event: str, data: Mapping[str, Any]) -> Frame:
    """A message that is no block of a stream."""
    return Frame(event, f'"event":"{event}","data":{to_json(data)}')


def joined(shown: Iterable[Frame], stream: str | None) -> bytes:
    """Frames as JSON objects, each in a line. `stream`: the name of theirs, None for no stream."""
    head = "" if stream is None else f'"stream":{json.dumps(stream)},'
    return "\n".join(f"{{{head}{frame.fields}}}" for frame in shown).encode()


def parsed(text: str | bytes) -> Mapping[str, Any] | None:
    """What a client has sent; None when it is no JSON object."""
    with contextlib.suppress(ValueError, RecursionError):
        asked = json.loads(text)
        if isinstance(asked, dict):
            return asked
    return None


def _json(name: str, value: str) -> str:
    plain = name == "retry" or (name == "data" and value != "[DONE]")
    return value if plain else json.dumps(value)

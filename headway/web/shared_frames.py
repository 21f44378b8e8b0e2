"""What readers of a shared link get of a stream's frames. What is not known here is left out."""

import json
import re
from functools import lru_cache
from typing import Any, get_type_hints

from headway.models import SharePart
from headway.stream.event import Snapshot, to_json

PASSED = frozenset({b"progress", b"error", b"resync", b"heartbeat", b"busy", b"auth", b"done"})
STATES = frozenset({b"state", b"snapshot"})
SAID = frozenset({b"log", b"warning", b"output"})
FIELDS = frozenset(get_type_hints(Snapshot))
NAMED = re.compile(r"^(Cancelled|Retried|Called off) by .*", re.DOTALL)
"""The reasons that name a person (lifecycle/actions.py, undo.py)."""


@lru_cache(maxsize=4)
def reduced(parts: frozenset[str], frames: bytes) -> bytes:
    """Frames without what a link of these parts does not show. The same object for all readers
    of a link, whom a room tells one after the other: it becomes one chunk (stream/direct.py)."""
    return b"".join(_reduced(parts, block) for block in frames.split(b"\n\n") if block)


def reason(parts: frozenset[str], text: str) -> str:
    """Why a job stands as it does, without who said so."""
    return text if SharePart.OWNER in parts else NAMED.sub(r"\1", text)


def _reduced(parts: frozenset[str], block: bytes) -> bytes:
    """One block of the stream's own writing (stream/sse.py): a field on each line, data on one."""
    fields = dict(line.partition(b": ")[::2] for line in block.split(b"\n"))
    event = fields.get(b"event")
    if event in STATES:
        fields[b"data"] = _state(parts, json.loads(fields[b"data"]))
        return b"".join(b"%s: %s\n" % field for field in fields.items()) + b"\n"
    said = event in SAID and SharePart.LOG in parts
    silent = event is None and b"data" not in fields  # a comment, a place to come back to
    return block + b"\n\n" if said or silent or event in PASSED else b""


def _state(parts: frozenset[str], data: dict[str, Any]) -> bytes:
    known = {name: value for name, value in data.items() if name in FIELDS}
    known["reason"] = reason(parts, known["reason"])
    if SharePart.RESULT not in parts:
        known |= {"result": None, "files": []}
    return to_json(known).encode()

"""The events after a cursor, as one response that ends: for servers on which an open stream
would keep others waiting. EventSource reconnects by itself for the rest."""

import random
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from . import sse
from .catch_up import Reading, prepare
from .history import History
from .subscription import Subscription

MORE, MOVING, RESTING = 100, 1000, 5000
"""Milliseconds, about, until the client comes back: while there is more to read, while one of its
jobs is active, and while none is."""

Read = Callable[[Sequence[tuple[str, int]]], History | None]
"""Reads the logs of jobs, each after a cursor; None when Redis does not answer."""
Recover = Callable[[Sequence[str]], Mapping[str, Mapping[str, Any]]]
"""Snapshots of jobs that Redis does not know."""


def answer(reader: Subscription, read: Read, recover: Recover) -> bytes:
    """All of one answer; its first event says that there is no stream, where the reader asks for
    signs of life."""
    reading = Reading.from_reader(reader)
    history = read([(job, reading.at) for job in sorted(reading.jobs)])
    sign = sse.heartbeat(stale=history is None, ends=True) if reader.heartbeat else b""
    if history is None:
        return _back(MOVING) + sign
    lost = sorted(reading.lost(history))
    due = prepare(reading, history, recover(lost) if lost else {})
    over = due.final and not due.more
    pause = MORE if due.more else RESTING if due.final else MOVING
    done = sse.DONE if reader.ends and over else b""
    return b"".join([_back(pause), sign, reader.shown(b"".join(due.frames)), done])


def _back(pause: int) -> bytes:
    spread = random.uniform(0.8, 1.1)  # noqa: S311 - not a secret
    return sse.encode(retry=int(pause * spread))

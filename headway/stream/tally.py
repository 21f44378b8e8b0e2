"""What the streams of a process have come to, as numbers by name and label: counted where it
happens, in plain integers, for whoever shows them."""

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

Tally = Counter[tuple[str, str]]
"""Numbers by (name, label); the names are those of KNOWN."""


class Known(NamedTuple):
    """What a number means. `grows`: it only ever does, as long as the process lives."""

    meaning: str
    labels: Sequence[str] = ("",)
    grows: bool = True


WAYS = ("handed_over", "sent", "websocket", "poll")
"""How streams reach their clients: written straight to the socket that the web server has handed
over, sent by the web server, over a WebSocket, and as the event for which a long poll waits."""

KNOWN = {
    "open": Known("streams that are open", WAYS, grows=False),
    "phase": Known(
        "open streams by what their readers do", ("behind", "reading", "live", "blocked"), False
    ),
    "counted": Known("streams that count towards the limits", grows=False),
    "stale": Known("1 while the log in Redis cannot be read", grows=False),
    "opened": Known("streams that were let in", WAYS),
    "refused": Known("streams that were refused, by reason", ("full", "closing")),
    "bytes": Known("bytes of events that were given to streams", WAYS),
    "frames": Known("events that were given to streams"),
    "heard": Known("live messages that came from Redis"),
    "losses": Known("times that the connection for live messages was lost, or not made"),
    "resumed": Known(
        "streams that came back with a cursor, by what they got first", ("events", "snapshots")
    ),
    "resyncs": Known(
        "snapshots in place of events, by why those were gone", ("lost", "trimmed", "unknown")
    ),
    "cut_off": Known("clients that were cut off since they did not read the end of a stream"),
}

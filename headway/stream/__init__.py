"""The engine: a log of events in Redis, reporters that write it and a hub that streams it."""

from .event import Event
from .glance import Glance
from .hub import Hub
from .limits import Limits
from .log import Log, Output, Receipt, Snapshots
from .reporter import Cancelled, Reporter, Superseded
from .subscription import Subscription

__all__ = [
    "Cancelled",
    "Event",
    "Glance",
    "Hub",
    "Limits",
    "Log",
    "Output",
    "Receipt",
    "Reporter",
    "Snapshots",
    "Subscription",
    "Superseded",
]

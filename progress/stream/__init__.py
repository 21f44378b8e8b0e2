"""The engine: a log of events in Redis, reporters that write it and a hub that streams it."""

from .event import Event
from .log import Log, Receipt, Snapshots
from .reporter import Cancelled, Reporter, Superseded

__all__ = ["Cancelled", "Event", "Log", "Receipt", "Reporter", "Snapshots", "Superseded"]

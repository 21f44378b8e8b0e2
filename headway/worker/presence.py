"""Keeps the presence of this Celery worker fresh in Redis."""

import logging
import time
from typing import Any

import redis
from celery import signals

from headway.lifecycle.lives import life, monitor
from headway.lifecycle.log import log
from headway.worker import messages, request, vouching

logger = logging.getLogger(__name__)
EVERY = 4.0
"""Seconds between two notes."""
DEAD_AFTER = 10.0
"""Seconds without a note after which a worker counts as dead."""


class Presence:
    """What this worker process notes about itself, and when it last did."""

    def __init__(self) -> None:
        self.name = ""
        self.info: dict[str, Any] = {}
        self.noted = 0.0

    def begin(self, sender: Any, **_: Any) -> None:
        """Remembers the worker's name and queues once it takes jobs."""
        self.name = sender.hostname
        queues = sorted(queue.name for queue in sender.task_consumer.queues)
        processes = sender.pool.num_processes
        self.info = {"queues": queues, "processes": processes, "life": life.name}
        self.note()

    def refresh(self, **_: Any) -> None:
        """Notes the worker again, and looks who has died; called at every heartbeat."""
        monitor.look()
        request.tell()
        messages.tell()
        vouching.vouch()
        if self.name and time.monotonic() - self.noted >= EVERY:
            self.note()

    def end(self, **_: Any) -> None:
        """Takes the note back."""
        name, self.name = self.name, ""
        if name:
            _quietly(lambda: log().gone("worker", name))

    def note(self) -> None:
        """Writes the note."""
        self.noted = time.monotonic()
        _quietly(lambda: log().alive("worker", self.name, self.info, DEAD_AFTER))


presence = Presence()


def connect() -> None:
    """Listens to the worker's own signals; in other processes they never come."""
    signals.worker_init.connect(_begin_life)  # before the pool is forked
    signals.worker_ready.connect(presence.begin)
    signals.heartbeat_sent.connect(presence.refresh)
    signals.worker_shutting_down.connect(presence.end)


def _begin_life(**_: Any) -> None:
    life.begin()


def _quietly(write: Any) -> None:
    try:
        write()
    except redis.RedisError as error:
        logger.warning("Redis did not take this worker's presence: %s", error)

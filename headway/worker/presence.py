"""Keeps the presence of this Celery worker fresh in Redis, and says why a queued job waits."""

import logging
import math
import time
from datetime import UTC, datetime
from typing import Any

import redis
from celery import signals
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser

from headway.lifecycle.log import log
from headway.models import Job, Status

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
        self.info = {"queues": queues, "processes": sender.pool.num_processes}
        self.note()

    def refresh(self, **_: Any) -> None:
        """Notes the worker again; called at every heartbeat."""
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
    signals.worker_ready.connect(presence.begin)
    signals.heartbeat_sent.connect(presence.refresh)
    signals.worker_shutting_down.connect(presence.end)


def no_worker(user: AbstractBaseUser | AnonymousUser, *, about_to_start: bool = False) -> bool:
    """Whether jobs that this person may see are queued, or one is about to be, and no worker runs.
    False where Redis does not answer: then nobody knows."""
    try:
        if log().who_is_alive("worker"):
            return False
    except redis.RedisError:
        return False
    waiting = Job.objects.visible_to(user).filter(status=Status.QUEUED)
    return about_to_start or waiting.exists()


def why_queued(job: Job) -> str:
    """One sentence on what a queued job waits for; "" for any other job."""
    if job.status != Status.QUEUED:
        return ""
    wait = _seconds_until(job.not_before)
    if wait > 0:
        return f"{'Retry' if job.attempt else 'Starts'} in {_duration(wait)}"
    if job.published_at is None:
        return "Waiting for the queue"
    try:
        workers = log().who_is_alive("worker").values()
    except redis.RedisError:
        return "Waiting for the queue"
    if not workers:
        return "No worker is running"
    if not any(job.queue in worker.get("queues", ()) for worker in workers):
        return f"No worker takes jobs from the queue “{job.queue}”"
    earlier = Job.objects.filter(
        status=Status.QUEUED, queue=job.queue, published_at__lt=job.published_at
    )
    # SQLite's clock gives milliseconds, written shorter than our microseconds: before itself
    ahead = earlier.exclude(pk=job.pk).count()
    if ahead:
        return f"{ahead} job{'s' if ahead > 1 else ''} ahead"
    return "Next in line"


def _seconds_until(moment: datetime | None) -> float:
    return (moment - datetime.now(UTC)).total_seconds() if moment else 0.0


def _duration(seconds: float) -> str:
    return f"{math.ceil(seconds)} s" if seconds < 120 else f"{round(seconds / 60)} min"


def _quietly(write: Any) -> None:
    try:
        write()
    except redis.RedisError as error:
        logger.warning("Redis did not take this worker's presence: %s", error)

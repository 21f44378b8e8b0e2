"""What pages read from the log: quickly, or not at all."""

import logging
import time
from collections.abc import Callable
from typing import TypeVar

import redis

from .log import Log

logger = logging.getLogger(__name__)
T = TypeVar("T")

REST = 2.0
"""Seconds in which a Redis that has not answered in time is not asked."""


class Glance:
    """Reads that a page can do without. Once Redis has let one time out, no others are made for
    REST seconds; then one finds out for all. So a page with five of them, and ten pages at once,
    wait for one. Safe to share between threads."""

    def __init__(self, log: Log) -> None:
        """`log`: one whose timeout is what a page may wait."""
        self._log = log
        self._blind_until = 0.0

    def read(self, look: Callable[[Log], T]) -> T | None:
        """What `look` reads; None when Redis does not answer, or has not just now."""
        now = time.monotonic()
        if now < self._blind_until:
            return None
        if self._blind_until:
            self._blind_until = now + REST  # the others need not find out too
        try:
            found = look(self._log)
        except redis.RedisError as error:
            logger.warning("Redis did not answer a page: %s", error)
            self.note(error)
            return None
        self._blind_until = 0.0
        return found

    def note(self, error: redis.RedisError) -> None:
        """Redis did not answer another caller. What fails at once, such as a refused connection,
        costs no page anything."""
        if isinstance(error, redis.TimeoutError):
            self._blind_until = time.monotonic() + REST

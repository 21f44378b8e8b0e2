"""The log of this installation's jobs, what pages read of it, and the feeds of new jobs."""

from functools import cache
from typing import Any

from headway.conf import conf
from headway.stream import Glance, Log

WRITE = 1.5
"""Seconds that a write to the log may take: a start waits for one, and then for the broker."""
GLANCE = 0.6
"""Seconds that a page waits for Redis: it can do without, and its stream brings the rest. Together
with what a start waits (dispatch.py) that is less than the three that its page may take."""


@cache
def log() -> Log:
    """The log of all jobs. Connects when first used, so it never fails here."""
    limits = {"maxlen": conf.LOG_MAXLEN, "ttl": conf.LOG_TTL}
    return Log(conf.REDIS_URL, **limits, timeout=WRITE)


@cache
def glance() -> Glance:
    """What pages read of the log."""
    return Glance(Log(conf.REDIS_URL, timeout=GLANCE))


def feed(owner_id: Any) -> str:
    """The feed on which an owner's new jobs are announced; "" for jobs without an owner."""
    return "" if owner_id is None else f"user:{owner_id}"

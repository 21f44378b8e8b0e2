"""The log of this installation's jobs, and the feeds on which new ones are announced."""

from functools import cache

from headway.conf import conf
from headway.stream import Log


@cache
def log() -> Log:
    """The log of all jobs. Connects when first used, so it never fails here."""
    return Log(conf.REDIS_URL, maxlen=conf.LOG_MAXLEN, ttl=conf.LOG_TTL)


def feed(owner_id: int | None) -> str:
    """The feed on which an owner's new jobs are announced; "" for jobs that nobody owns."""
    return f"user:{owner_id}" if owner_id else ""

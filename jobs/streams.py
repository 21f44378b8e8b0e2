"""The engine as this installation uses it: one log per process, one hub per event loop."""

from functools import cache

from django.conf import settings

from progress.stream import Log


@cache
def log() -> Log:
    """The log of all jobs. Connects when first used, so it never fails here."""
    return Log(settings.REDIS_URL, maxlen=settings.LOG_MAXLEN, ttl=settings.LOG_TTL)


def feed(owner_id: int | None) -> str:
    """The feed on which an owner's new jobs are announced; "" for jobs that nobody owns."""
    return f"user:{owner_id}" if owner_id else ""

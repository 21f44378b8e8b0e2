"""Keeps the presence of this Celery worker fresh in Redis, and says why a queued job waits."""


def connect() -> None:
    """Listens to the worker's own signals; in other processes they never come."""

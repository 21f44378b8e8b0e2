"""The database of the jobs, which a project's router (DATABASE_ROUTERS) may keep apart."""

from collections.abc import Callable
from typing import Any

from django.db import connections, router, transaction

from headway.models import Job


def alias() -> str:
    """Its name in DATABASES."""
    return router.db_for_write(Job)


def connection() -> Any:
    """This thread's connection to it."""
    return connections[alias()]


def atomic() -> "transaction.Atomic":
    """A transaction in it."""
    return transaction.atomic(using=alias())


def on_commit(action: Callable[[], object]) -> None:
    """Calls `action` as soon as the surrounding transaction in it is committed, at once without
    one. What it raises is logged. No partial: Django names what failed, and raises for what has no
    name."""
    transaction.on_commit(action, using=alias(), robust=True)

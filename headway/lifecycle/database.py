"""The database of the jobs, which a project's router (DATABASE_ROUTERS) may keep apart."""

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
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


@contextmanager
def alone_in_file() -> Iterator[bool]:
    """Whether nobody else is within this for the same SQLite file. Always on a server, and where
    files cannot be locked."""
    file = Path(connection().settings_dict["NAME"])
    if connection().vendor != "sqlite" or not file.is_file():
        yield True
        return
    folder = os.open(file.parent, os.O_RDONLY)  # to close the file would end SQLite's own locks
    try:
        yield _locked(folder)
    finally:
        os.close(folder)


@contextmanager
def checkpoints_apart() -> Iterator[None]:
    """Within this, who commits in SQLite does not move its write-ahead log into the file as well,
    of a thousand pages and more, which takes up to 90 ms; `checkpoint` does."""
    if connection().vendor != "sqlite":
        yield
        return
    with connection().cursor() as cursor:
        [usual] = cursor.execute("PRAGMA wal_autocheckpoint").fetchone()
        cursor.execute("PRAGMA wal_autocheckpoint = 0")
        try:
            yield
        finally:
            cursor.execute(f"PRAGMA wal_autocheckpoint = {usual}")


def checkpoint() -> None:
    """Moves as much of SQLite's write-ahead log as nobody reads; others write meanwhile.
    Not within a transaction, in which SQLite refuses it."""
    if connection().in_atomic_block:
        return
    with connection().cursor() as cursor:
        cursor.execute("PRAGMA wal_checkpoint(PASSIVE)")


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # there are no such locks there
        pass
    return True

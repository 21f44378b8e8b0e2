"""A limit for how long the database may look for something, so that no question holds up others."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import OperationalError, connections, router, transaction

from headway.models import Job

SECONDS = 2.0
STEPS = 10_000
"""Instructions of SQLite's between two looks at the clock: some 100 microseconds."""
CANCELED = "57014"
"""PostgreSQL's query_canceled (appendix A of its documentation)."""


class TooSlowError(Exception):
    """The database was told to stop looking."""


@contextmanager
def limited(seconds: float = SECONDS) -> Iterator[None]:
    """Ends what the database does within it after so many seconds: each statement on PostgreSQL,
    all of them on SQLite. Raises TooSlowError then. Other databases have no limit."""
    connection = connections[router.db_for_read(Job)]
    within = {"postgresql": _on_postgresql, "sqlite": _on_sqlite}.get(connection.vendor)
    if within is None:
        yield
        return
    try:
        with within(connection, seconds):
            yield
    except OperationalError as error:
        cause: Any = error.__cause__
        state = getattr(cause, "sqlstate", None) or getattr(cause, "pgcode", None)
        if state == CANCELED or "interrupted" in str(error):
            raise TooSlowError from error
        raise


@contextmanager
def _on_postgresql(connection: Any, seconds: float) -> Iterator[None]:
    with transaction.atomic(using=connection.alias):
        _tell(connection, str(round(seconds * 1000)))
        yield
        _tell(connection, "DEFAULT")


def _tell(connection: Any, limit: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"SET LOCAL statement_timeout TO {limit}")


@contextmanager
def _on_sqlite(connection: Any, seconds: float) -> Iterator[None]:
    connection.ensure_connection()
    end = time.monotonic() + seconds
    connection.connection.set_progress_handler(lambda: time.monotonic() > end, STEPS)
    try:
        yield
    finally:
        connection.connection.set_progress_handler(None, 0)

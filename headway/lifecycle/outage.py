"""Database outages: which errors mean one, and how long the app's own reads and writes are
retried."""

import contextlib
import logging
import sqlite3
import time
from collections.abc import Callable, Iterator
from typing import TypeVar

from django.db import Error, InterfaceError, OperationalError, connections

from headway.lifecycle import database

logger = logging.getLogger(__name__)
T = TypeVar("T")

OUTAGE_TIMEOUT = 300.0
"""Seconds for which a write of ours is repeated."""

AWAY_STATES = ("57P01", "57P02", "57P03", "57P05", "25P03", "25006")
"""SQLSTATEs beside class 08: shut down, crashed, starting, sessions that the server has ended for
being idle, and a standby that is not promoted yet (PostgreSQL, Appendix A)."""
REFUSALS = (
    "authentication failed",
    "no password supplied",
    "no pg_hba.conf entry",
    "does not exist",
    "permission denied",
    "not permitted to log in",
)
"""What a server says to a client that it does not let in. A connection that was never made has no
SQLSTATE; in another language than English such an answer counts as absence, a bounded number of
times."""
AWAY_RESULTS = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN)
"""SQLite's: another process holds the lock for longer than we wait, or the file cannot be read. Not
SQLITE_LOCKED (a conflict within the process) nor SQLITE_FULL (asking again fills it again)."""


def is_outage(error: BaseException | None) -> bool:
    """Whether an exception, or what it was raised from, says that a database was away: it could not
    be reached, or the connection was lost. Not that it has answered with a refusal."""
    return any(_says_so(each) for each in _causes(error))


def insist(action: Callable[[], T], seconds: float = OUTAGE_TIMEOUT) -> T:
    """Repeats `action` with growing pauses while the database is locked or away, for so long, not
    counting how long the database itself takes to say so; then the error comes out, and a lease
    that is not renewed ends the attempt. Within a transaction it comes out at once."""
    deadline, pause = time.monotonic() + seconds, 0.1
    while True:
        try:
            return action()
        except Error as error:
            refused = not isinstance(error, (OperationalError, InterfaceError))
            if (refused and not is_outage(error)) or database.connection().in_atomic_block:
                raise
            if time.monotonic() + pause > deadline:
                raise
            logger.warning("The database did not answer, trying again in %.1f s: %s", pause, error)
        database.connection().close()
        time.sleep(pause)
        pause = min(5.0, pause * 2)


def drop_connections() -> None:
    """Leaves whatever this process was interrupted in. Just after a BEGIN that is a transaction of
    which Django does not know: it would hold SQLite for as long as the process lives."""
    for each in connections.all(initialized_only=True):
        if each.connection is not None:
            with contextlib.suppress(Exception):  # of any database; it is broken, and forgotten
                each.connection.rollback()
                each.close()
        del connections[each.alias]


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """An exception and all that a traceback shows before it, those of a group too."""
    left, seen = [error], set[int]()
    while left:
        each = left.pop()
        if each is None or id(each) in seen:
            continue
        seen.add(id(each))
        yield each
        left += [each.__cause__, None if each.__suppress_context__ else each.__context__]
        left += each.exceptions if isinstance(each, BaseExceptionGroup) else []


def _says_so(error: BaseException) -> bool:
    """Of an exception as the database's own library raises it: Django's have it as their cause."""
    if isinstance(error, sqlite3.OperationalError):
        code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_OK)
        # Of the extended codes, a snapshot too old to write after is a conflict as a deadlock is.
        return code & 0xFF in AWAY_RESULTS and code != sqlite3.SQLITE_BUSY_SNAPSHOT
    names = {(base.__module__.partition(".")[0], base.__name__) for base in type(error).__mro__}
    if ("psycopg", "Error") not in names:
        return False
    state = getattr(error, "sqlstate", None)
    if state:
        return state.startswith("08") or state in AWAY_STATES
    lost = ("psycopg", "OperationalError") in names
    return lost and not any(words in str(error) for words in REFUSALS)

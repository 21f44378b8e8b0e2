"""The database that DATABASE_URL names."""

from dataclasses import dataclass
from typing import Any

import dj_database_url

POSTGRESQL, SQLITE = "django.db.backends.postgresql", "progress.sqlite"
SQLITE_OPTIONS = {
    # Readers never wait; a writer takes the lock at its start, so that waiting for it can succeed
    "init_command": "PRAGMA journal_mode=WAL",
    "transaction_mode": "IMMEDIATE",
    "timeout": 20,
}

POOL_TIMEOUT = 10
"""Seconds to wait for a connection of a pool that has none to spare."""


def database(url: str) -> dict[str, Any]:
    """What Django's DATABASES wants for `url`.

    Raises ValueError for anything but SQLite and PostgreSQL.
    """
    try:
        parsed: dict[str, Any] = dict(dj_database_url.parse(url))
    except ValueError:
        parsed = {"ENGINE": ""}  # what it says repeats pieces of passwords
    if parsed["ENGINE"] == "django.db.backends.sqlite3":
        parsed["ENGINE"] = SQLITE
    if parsed["ENGINE"] not in (POSTGRESQL, SQLITE):
        raise ValueError(
            "use sqlite:///PATH or postgresql://USER:PASSWORD@HOST/NAME, with %40, %2F, %23 and so"
            " on for signs such as @, / and # in user and password"
        )
    if parsed["ENGINE"] == SQLITE:
        parsed["OPTIONS"] = {**SQLITE_OPTIONS, **parsed.get("OPTIONS", {})}
    return parsed


@dataclass(frozen=True)
class Connections:
    """How a process keeps its connections to the database."""

    max_age: int
    """Seconds that a connection is kept; 0: as long as a request or a job."""
    pool: int
    """Connections of a process at most; 0: no pool."""
    pgbouncer: bool
    """Whether PgBouncer in transaction mode is in between."""

    def apply_to(self, settings: dict[str, Any]) -> list[str]:
        """Adds them to one of DATABASES; a sentence for each that cannot be."""
        if self.max_age and self.pool:
            return ["DATABASE_CONN_MAX_AGE and DATABASE_POOL: set one, a pool keeps connections."]
        if settings["ENGINE"] == SQLITE:
            return [
                f"{name}: unset it, or set DATABASE_URL to a PostgreSQL server."
                for name, given in (
                    ("DATABASE_POOL", self.pool),
                    ("DATABASE_PGBOUNCER", self.pgbouncer),
                )
                if given
            ]
        settings |= {"CONN_MAX_AGE": self.max_age, "CONN_HEALTH_CHECKS": True}
        if self.pool:
            settings["OPTIONS"] = {**settings.get("OPTIONS", {}), "pool": _pool(self.pool)}
        # A server-side cursor lives longer than a transaction, after which another connection may
        # serve. So does a prepared statement, but Django has none unless it is told to.
        settings["DISABLE_SERVER_SIDE_CURSORS"] = self.pgbouncer
        return []


def _pool(size: int) -> dict[str, Any]:
    """What psycopg_pool wants: connections are made when needed, and given back after a while."""
    return {"min_size": 0, "max_size": size, "max_idle": 60, "timeout": POOL_TIMEOUT}

"""The database that DATABASE_URL names."""

from typing import Any

import dj_database_url

ENGINES = ("django.db.backends.sqlite3", "django.db.backends.postgresql")
SQLITE_OPTIONS = {
    # Readers never wait; a writer takes the lock at its start, so that waiting for it can succeed
    "init_command": "PRAGMA journal_mode=WAL",
    "transaction_mode": "IMMEDIATE",
    "timeout": 20,
}


def database(url: str) -> dict[str, Any]:
    """What Django's DATABASES wants for `url`.

    Raises ValueError for anything but SQLite and PostgreSQL.
    """
    try:
        parsed: dict[str, Any] = dict(dj_database_url.parse(url))
    except ValueError:
        parsed = {"ENGINE": ""}  # what it says repeats pieces of passwords
    if parsed["ENGINE"] not in ENGINES:
        raise ValueError(
            "use sqlite:///PATH or postgresql://USER:PASSWORD@HOST/NAME, with %40, %2F, %23 and so"
            " on for signs such as @, / and # in user and password"
        )
    if parsed["ENGINE"] == ENGINES[0]:
        parsed["OPTIONS"] = {**SQLITE_OPTIONS, **parsed.get("OPTIONS", {})}
    return parsed

"""Writers that ask often for SQLite's lock: its own busy handler sleeps 100 ms between two looks,
and whoever comes in that time goes first (docs/reliability.md, what is not promised)."""

import sqlite3
import time
from collections import deque
from collections.abc import Callable, Iterator
from functools import lru_cache, partial
from typing import Any

from django.db.backends.sqlite3 import base

SHORT = 4096
"""Characters of a query that is remembered as SQLite takes it."""
LOOK = 50
"""Milliseconds after which the handler begins again with its short sleeps: 1, 2, 5, 10, 15."""


class DatabaseWrapper(base.DatabaseWrapper):
    """OPTIONS["timeout"] stays the number of seconds that a writer waits, 5 without it."""

    def get_connection_params(self) -> dict[str, Any]:
        """As Django's."""
        params: dict[str, Any] = super().get_connection_params()
        self._timeout = float(params.get("timeout", 5.0))
        return params

    def get_new_connection(self, conn_params: dict[str, Any]) -> sqlite3.Connection:
        """As Django's."""
        connection: sqlite3.Connection = super().get_new_connection(conn_params)
        connection.execute(f"PRAGMA busy_timeout = {LOOK}")
        return connection

    def create_cursor(self, name: str | None = None) -> "Cursor":
        """As Django's."""
        del name  # only PostgreSQL's have one
        factory: Any = partial(Cursor, timeout=self._timeout)
        cursor: Cursor = self.connection.cursor(factory=factory)
        return cursor


class Cursor(base.SQLiteCursorWrapper):
    """Asks again while somebody else writes."""

    def __init__(self, connection: sqlite3.Connection, timeout: float) -> None:
        super().__init__(connection)
        self._timeout = timeout

    def convert_query(self, query: str, *, param_names: Any = None) -> str:
        """As Django's, which goes through all of a query each time it is executed."""
        if param_names is None and len(query) <= SHORT:
            return _converted(query)
        return str(super().convert_query(query, param_names=param_names))

    def execute(self, query: str, params: Any = None) -> Any:
        """As Django's."""
        return self._by_turns(partial(super().execute, query, params))

    def executemany(self, query: str, param_list: Any) -> Any:
        """As Django's. Without a transaction each row is committed by itself: what is done is not
        done again."""
        left = deque(param_list)

        def rows() -> Iterator[Any]:
            while left:
                yield left[0]
                left.popleft()  # it is done when the next one is asked for

        execute = super().executemany
        return self._by_turns(lambda: execute(query, rows()))

    def _by_turns(self, statement: Callable[[], Any]) -> Any:
        deadline = 0.0
        while True:
            try:
                return statement()
            except sqlite3.OperationalError as error:
                if not self._may_ask_again(error):
                    raise
                deadline = deadline or time.monotonic() + self._timeout
                if time.monotonic() > deadline:
                    raise

    def _may_ask_again(self, error: sqlite3.OperationalError) -> bool:
        """Not within a transaction, whose view of the data may be outdated; nor where somebody has
        set a busy_timeout of his own."""
        if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or self.connection.in_transaction:
            return False
        [wanted] = self.connection.execute("PRAGMA busy_timeout").fetchone()
        return bool(wanted == LOOK)


@lru_cache(maxsize=256)
def _converted(query: str) -> str:
    convert: Any = base.SQLiteCursorWrapper.convert_query
    return str(convert(None, query))  # it uses nothing of its cursor

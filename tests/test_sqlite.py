"""Writers of SQLite wait for its one lock, and get it although others take it again and again."""

import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from django.db import OperationalError

from progress.database import database
from progress.sqlite.base import DatabaseWrapper

pytestmark = pytest.mark.django_db
HOLD = 0.03


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[DatabaseWrapper]:
    """To a database of its own."""
    settings = database(f"sqlite:///{tmp_path / 'own.sqlite3'}")
    usual = {"TIME_ZONE": None, "AUTOCOMMIT": True, "CONN_MAX_AGE": 0, "CONN_HEALTH_CHECKS": False}
    wrapper = DatabaseWrapper({**settings, **usual}, "own")
    with wrapper.cursor() as cursor:
        cursor.execute("CREATE TABLE said (word TEXT)")
    yield wrapper
    wrapper.close()


def others(path: str, stopped: threading.Event) -> None:
    """Hold the lock for most of the time, as tasks that write row by row do."""
    with closing(sqlite3.connect(path, timeout=0, isolation_level=None)) as own:
        while not stopped.wait(HOLD / 2):
            try:
                own.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError:
                continue
            stopped.wait(HOLD)
            own.execute("COMMIT")


@contextmanager
def busy(path: str, number: int = 3) -> Iterator[None]:
    """So many of them at work."""
    stopped = threading.Event()
    threads = [threading.Thread(target=others, args=(path, stopped)) for _ in range(number)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stopped.set()
        for thread in threads:
            thread.join()


def test_who_waits_gets_a_turn(connection: DatabaseWrapper) -> None:
    """Seconds under SQLite's own handler, which sleeps longer than the lock is ever free."""
    slowest = 0.0
    with busy(connection.settings_dict["NAME"]), connection.cursor() as cursor:
        for number in range(10):
            time.sleep(HOLD)  # somebody takes it meanwhile
            begun = time.monotonic()
            if number % 2:
                cursor.execute("INSERT INTO said VALUES (%s)", [number])
            else:
                cursor.executemany("INSERT INTO said VALUES (%s)", [[1], [2]])
            slowest = max(slowest, time.monotonic() - begun)
        cursor.execute("SELECT count(*) FROM said")
        assert cursor.fetchone() == (15,)
    assert slowest < 4, "a start is answered within 4 s"


def test_rows_that_are_written_one_by_one_are_written_once(connection: DatabaseWrapper) -> None:
    with busy(connection.settings_dict["NAME"]), connection.cursor() as cursor:
        cursor.executemany("INSERT INTO said VALUES (%s)", [[number] for number in range(500)])
        cursor.execute("SELECT count(*), count(DISTINCT word) FROM said")
        assert cursor.fetchone() == (500, 500)


@pytest.mark.parametrize("wait", [None, 0], ids=["the timeout", "somebody's own"])
def test_who_waited_long_enough_is_told(connection: DatabaseWrapper, wait: int | None) -> None:
    """`timeout` of the options; a busy_timeout that somebody has set counts instead."""
    connection.close()
    connection.settings_dict["OPTIONS"]["timeout"] = 0.3 if wait is None else 60
    with (
        closing(sqlite3.connect(connection.settings_dict["NAME"], isolation_level=None)) as own,
        connection.cursor() as cursor,
    ):
        if wait is not None:
            cursor.execute(f"PRAGMA busy_timeout = {wait}")
        own.execute("BEGIN IMMEDIATE")
        begun = time.monotonic()
        with pytest.raises(OperationalError, match="locked"):
            cursor.execute("INSERT INTO said VALUES (%s)", ["late"])
        assert time.monotonic() - begun >= (0.3 if wait is None else 0)


def test_a_transaction_that_began_is_not_tried_again(connection: DatabaseWrapper) -> None:
    """What it has read may be outdated: it has to begin anew."""
    path = connection.settings_dict["NAME"]
    with closing(sqlite3.connect(path, isolation_level=None)) as own, connection.cursor() as cursor:
        cursor.execute("BEGIN DEFERRED")
        cursor.execute("SELECT count(*) FROM said")
        own.execute("INSERT INTO said VALUES ('first')")
        with pytest.raises(OperationalError, match="locked"):
            cursor.execute("INSERT INTO said VALUES ('second')")
        cursor.execute("ROLLBACK")

"""Which errors say that a database was away, as the databases' own libraries raise them."""

import sqlite3
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
from django.db import OperationalError

from headway.lifecycle.outage import is_outage


def error_of(action: Callable[[], object]) -> Exception:
    """What an action raises."""
    with pytest.raises(Exception) as found:  # noqa: PT011 - each test says of which kind
        action()
    return found.value


def opened(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(path, isolation_level=None, timeout=0)


def busy(path: Path) -> Exception:
    opened(path).execute("CREATE TABLE t (a)")
    first = opened(path)
    first.execute("BEGIN IMMEDIATE")
    return error_of(lambda: opened(path).execute("INSERT INTO t VALUES (1)"))


def snapshot(path: Path) -> Exception:
    first, second = opened(path), opened(path)
    first.execute("PRAGMA journal_mode=WAL")
    first.execute("CREATE TABLE t (a)")
    first.execute("BEGIN")
    first.execute("SELECT * FROM t").fetchall()
    second.execute("INSERT INTO t VALUES (1)")
    return error_of(lambda: first.execute("INSERT INTO t VALUES (2)"))


def nowhere(path: Path) -> Exception:
    return error_of(lambda: opened(path.parent / "nowhere" / "db").execute("SELECT 1"))


def full(path: Path) -> Exception:
    first = opened(path)
    first.execute("CREATE TABLE t (a)")
    first.execute("PRAGMA max_page_count = 2")
    return error_of(lambda: first.execute("INSERT INTO t VALUES (zeroblob(100000))"))


def mistaken(path: Path) -> Exception:
    return error_of(lambda: opened(path).execute("SELECT a FROM no_such_table"))


@pytest.mark.parametrize(
    ("make", "away"),
    [(busy, True), (nowhere, True), (snapshot, False), (full, False), (mistaken, False)],
)
def test_of_sqlites_errors_some_are_absence(
    make: Callable[[Path], Exception], away: bool, tmp_path: Path
) -> None:
    error = make(tmp_path / "db")
    assert isinstance(error, sqlite3.OperationalError)
    assert is_outage(error) is away


def test_a_server_that_nobody_can_reach_is_away() -> None:
    assert is_outage(error_of(lambda: psycopg.connect("host=127.0.0.1 port=1 connect_timeout=2")))


@pytest.mark.parametrize(
    ("state", "away"),
    [
        *((state, True) for state in ("08000", "08006", "57P01", "57P02", "57P03", "25P03")),
        *((state, False) for state in ("40P01", "40001", "57014", "55P03", "53100", "57P04")),
    ],
)
def test_what_postgresql_answers_with_is_judged_by_its_sqlstate(state: str, away: bool) -> None:
    assert is_outage(psycopg.errors.lookup(state)("the words do not matter")) is away


def test_credentials_that_are_refused_are_not_absence() -> None:
    said = 'connection failed: FATAL:  password authentication failed for user "jobs"'
    assert not is_outage(psycopg.OperationalError(said))


def test_what_is_wrapped_is_found_and_what_was_left_behind_is_not(tmp_path: Path) -> None:
    origin = busy(tmp_path / "db")
    djangos = OperationalError("database is locked")
    djangos.__cause__ = origin
    implied = KeyError("in an except clause")
    implied.__context__ = djangos
    group = ExceptionGroup("two threads", [ValueError(), implied])
    for error in (djangos, implied, group):
        assert is_outage(error)
    origin.__context__ = group  # a circle, as frameworks make them
    assert is_outage(origin)
    implied.__suppress_context__ = True  # raise ... from None
    assert not is_outage(implied)
    assert not is_outage(OperationalError("that nobody's library has raised"))
    assert not is_outage(None)

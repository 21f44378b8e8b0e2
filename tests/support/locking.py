"""Somebody else who holds SQLite's one lock for writing."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager

import pytest
from django.conf import settings
from django.db import connection


@contextmanager
def locked() -> Iterator[None]:
    """Within it nobody else can write. Skips the test where the database is no SQLite."""
    if connection.vendor != "sqlite":
        pytest.skip("only SQLite has one lock for all")
    other = sqlite3.connect(settings.DATABASES["default"]["NAME"], isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        other.rollback()
        other.close()


def held(seconds: float = 1.0) -> bool:
    """Whether somebody has that lock for longer than a transaction takes."""
    if connection.vendor != "sqlite":
        return False
    name = settings.DATABASES["default"]["NAME"]
    with closing(sqlite3.connect(name, timeout=seconds, isolation_level=None)) as other:
        try:
            other.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError:
            return True
        other.rollback()
        return False

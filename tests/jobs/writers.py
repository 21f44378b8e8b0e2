"""Tasks that store rows of their own, as most people's do."""

import ctypes
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Literal

from django.db import DEFAULT_DB_ALIAS, OperationalError, connections, transaction

from headway import JobError, job_task, progress
from headway.kinds.registry import get as get_kind
from jobs.models import ImportedRow
from tests.support.patience import PATIENCE

How = Literal["plain", "wrapped", "quietly", "thread", "alias"]


def store(line: int, using: str = DEFAULT_DB_ALIAS) -> None:
    """One row, for itself."""
    ImportedRow.objects.using(using).create(job_id=str(progress.job), line=line, data={})


def stay() -> None:
    """Asks the database until it is away, which so is certain to be noticed."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        ImportedRow.objects.exists()
        time.sleep(0.03)


@job_task
def stores_once(count: int) -> None:
    """Has one attempt and nothing to go on from. Does not end before the database was away."""
    for line in range(1, count + 1):
        store(line)
        progress.update(line, count)
        time.sleep(0.03)
    stay()


@job_task(max_attempts=2)
def stores(count: int, idle: float = 0.0, stays: bool = False) -> int:
    """Each row with its checkpoint in one transaction; in one of its first attempt it does nothing
    for `idle` seconds, and if it `stays`, that attempt does not end before the database was away.
    Returns where the last attempt went on."""
    begun = progress.restored or 0
    for line in range(begun + 1, count + 1):
        with transaction.atomic():
            store(line)
            progress.checkpoint(line)
            time.sleep(0 if begun or line != 4 else idle)
        progress.update(line, count)
        time.sleep(0.03)
        if stays and not begun and line == count // 2:
            stay()
    return int(begun)


@job_task(max_attempts=2)
def impatient(count: int, says: str = "") -> int:
    """Waits for SQLite's lock no longer than a moment, in its first attempt. Says so by itself,
    if it has something to say."""
    begun = progress.restored or 0
    if not begun:
        connections[DEFAULT_DB_ALIAS].ensure_connection()
        with connections[DEFAULT_DB_ALIAS].cursor() as cursor:
            cursor.execute("PRAGMA busy_timeout = 500")
    for line in range(begun + 1, count + 1):
        try:
            with transaction.atomic():
                store(line)
                progress.checkpoint(line)
        except OperationalError as error:
            if says:
                raise JobError(says) from error
            raise
        progress.update(line, count)
        time.sleep(0.03)
    return int(begun)


@job_task(max_attempts=2)
def asks_until_it_hurts(how: How, seconds: float) -> str:
    """Asks the database again and again, in its first attempt; says how it was told that it is
    away, and in a second one where that began."""
    if progress.restored:
        return str(progress.restored)
    progress.checkpoint(how)
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        progress.advance()
        _ask(how)
        time.sleep(0.02)
    return "nothing happened"


def _ask(how: How) -> None:
    if how == "plain":
        ImportedRow.objects.exists()
    elif how == "thread":
        with ThreadPoolExecutor(1) as pool:
            pool.submit(_ask_and_close).result()
    elif how == "alias":
        connections.settings["elsewhere"] = connections.settings[DEFAULT_DB_ALIAS]
        ImportedRow.objects.using("elsewhere").exists()
    else:
        try:
            ImportedRow.objects.exists()
        except OperationalError as error:
            if how == "wrapped":
                raise ValueError("could not look") from error
            raise KeyError("could not look")  # noqa: B904 - as people forget to say from what


def _ask_and_close() -> None:
    try:
        ImportedRow.objects.exists()
    finally:
        connections.close_all()


@job_task(max_attempts=3)
def is_refused(how: Literal["timeout", "deadlock", "password"]) -> None:
    """Gets an error of the database that says nothing about its absence."""
    with transaction.atomic(), connections[DEFAULT_DB_ALIAS].cursor() as cursor:
        if how == "timeout":
            cursor.execute("SET LOCAL statement_timeout = 50")
            cursor.execute("SELECT pg_sleep(5)")
        elif how == "deadlock":
            cursor.execute("DO $$ BEGIN RAISE SQLSTATE '40P01'; END $$")
        else:
            other = connections.settings[DEFAULT_DB_ALIAS] | {"USER": "nobody-of-that-name"}
            connections.settings["refused"] = other
            ImportedRow.objects.using("refused").exists()


@job_task
def orphan(count: int) -> None:
    """Does not die with the worker's parent process (prctl(2), PR_SET_PDEATHSIG)."""
    ctypes.CDLL(None).prctl(1, 0)
    for _ in progress.track(range(count)):
        time.sleep(0.05)


@job_task
def starts_many(count: int) -> None:
    """Asks the database for nothing by itself."""
    for number in progress.track(range(count)):
        get_kind("add").task.delay(number)
        time.sleep(0.03)

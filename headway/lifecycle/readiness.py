"""Which parts of an installation answer. Each is asked in a thread of its own, once at a time, so
that a part which hangs holds up nobody."""

import threading
from collections.abc import Callable
from concurrent.futures import Future, wait
from pathlib import Path
from resource import RLIMIT_NOFILE, getrlimit
from typing import Any, Literal, TypedDict

from celery import current_app
from django.db import DEFAULT_DB_ALIAS, connections
from django.db.migrations.executor import MigrationExecutor

from headway.lifecycle.database import alias
from headway.lifecycle.log import log

DEADLINE = 0.25
"""Seconds that an answer waits for all parts; one that is not there by then is taken for away."""
BROKER_TIMEOUT = 2
Status = Literal["ok", "degraded", "unavailable"]


class Readiness(TypedDict):
    """What `/readyz` says. Unavailable: without the database, or before its migrations, no page
    works. Degraded: pages work, and jobs wait or their bars stand."""

    status: Status
    database: bool
    migrations: bool
    redis: bool
    broker: bool
    workers: int
    janitor: bool
    descriptors: tuple[int, int]
    """Open file descriptors of this process, and how many it may have."""


class Question:
    """One that a part may take for ever to answer."""

    def __init__(self, ask: Callable[[], Any]) -> None:
        self._ask = ask
        self._lock = threading.Lock()
        self._asked: Future[Any] | None = None

    def put(self) -> "Future[Any]":
        """Asks, unless the last time is still not answered. None is the answer of what fails."""
        with self._lock:
            if self._asked is None or self._asked.done():
                self._asked = Future()
                threading.Thread(target=self._answer, args=(self._asked,), daemon=True).start()
            return self._asked

    def _answer(self, future: "Future[Any]") -> None:
        try:
            answer = self._ask()
        except Exception:  # noqa: BLE001 - a database, a broker or Redis may raise whatever it likes
            answer = None
        finally:
            connections.close_all()
        future.set_result(answer)


def look(seconds: float = DEADLINE) -> Readiness:
    """Asks all parts; returns within so many seconds, whatever hangs."""
    asked = [question.put() for question in QUESTIONS]
    wait(asked, seconds)
    database, migrated, broker, present = (each.result() if each.done() else None for each in asked)
    workers, janitors = present or (0, 0)
    works = bool(database and migrated)
    whole = works and bool(broker and workers and janitors)
    return {
        "status": "ok" if whole else "degraded" if works else "unavailable",
        "database": bool(database),
        "migrations": bool(migrated),
        "redis": present is not None,
        "broker": bool(broker),
        "workers": workers,
        "janitor": bool(janitors),
        "descriptors": (len([*Path("/dev/fd").iterdir()]), getrlimit(RLIMIT_NOFILE)[0]),
    }


def _databases() -> set[str]:
    """That of users and sessions, and that of jobs."""
    return {DEFAULT_DB_ALIAS, alias()}


def _database() -> bool:
    for each in _databases():
        with connections[each].cursor() as cursor:
            cursor.execute("SELECT 1")
    return True


class Migrated:
    """Whether the database has every migration. Once it has, it keeps them as long as this process
    runs, whose code is as old."""

    def __init__(self) -> None:
        self._known = False

    def __call__(self) -> bool:
        if not self._known:
            executors = [MigrationExecutor(connections[each]) for each in _databases()]
            left = [each.migration_plan(each.loader.graph.leaf_nodes()) for each in executors]
            self._known = not any(left)
        return self._known


def _broker() -> bool:
    with current_app.connection_for_write(connect_timeout=BROKER_TIMEOUT) as connection:
        connection.connect()
    return True


def _present() -> tuple[int, int]:
    return len(log().who_is_alive("worker")), len(log().who_is_alive("janitor"))


QUESTIONS = [Question(_database), Question(Migrated()), Question(_broker), Question(_present)]

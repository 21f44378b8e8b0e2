"""Connections to the database that a process of a worker's pool keeps from one job to the next."""

from typing import Any

from celery import signals
from django.db import close_old_connections, connections

KEPT = 5.0
"""Seconds for which one is used: to open one costs more than all that a short job writes. No
longer, lest a job hangs on one that a firewall has forgotten."""


def connect() -> None:
    """Listens to the worker's own signals; in other processes the first never comes."""
    signals.worker_process_init.connect(_keep)
    signals.task_prerun.connect(_close_old)
    signals.task_postrun.connect(_close_old)


def _keep(**_: Any) -> None:
    """Where the project has not said how long itself, and has no pool of them. Django asks before
    each job whether one that is kept still answers."""
    for settings in connections.settings.values():
        if settings["CONN_MAX_AGE"] == 0 and not settings["OPTIONS"].get("pool"):
            settings |= {"CONN_MAX_AGE": KEPT, "CONN_HEALTH_CHECKS": True}


def _close_old(sender: Any, **_: Any) -> None:
    """As Django does around each request, and Celery with each task whatever its age
    (CELERY_DB_REUSE_MAX)."""
    if not sender.request.is_eager:
        close_old_connections()

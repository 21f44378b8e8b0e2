"""Celery settings that keep jobs safe, applied to any project's app with one line after its own
configuration.

app = Celery("shop")
app.config_from_object("django.conf:settings", namespace="CELERY")
headway.celery.configure(app)
"""

import importlib
import os
import sys
from typing import Any

import billiard.common
from celery import Celery
from celery.app.utils import Settings
from kombu.transport import TRANSPORT_ALIASES

TRANSPORT = "headway.worker.transport:Transport"
SENTINEL = "headway.worker.transport:SentinelTransport"
DEFAULTS: dict[str, Any] = {
    "worker_consumer": "headway.worker.consumer:JobConsumer",
    "CELERY_DB_REUSE_MAX": 2**31,  # which connections are closed worker/kept_connections.py decides
    "worker_prefetch_multiplier": 1,  # nobody hoards jobs that others could run
    "worker_proc_alive_timeout": 30.0,  # a machine under load forks slowly
    "worker_soft_shutdown_timeout": 3.0,
    "broker_connection_timeout": 2,
    "broker_pool_acquire_timeout": 2,
    "broker_connection_retry_on_startup": True,
    "broker_connection_max_retries": None,
    # A Redis that says no (read-only after a failover, over its memory limit, loading) is
    # connected to again; otherwise its answer would end the worker and the jobs in it
    "broker_channel_error_retry": True,
    "task_publish_retry_policy": {"max_retries": 1, "interval_start": 0.1, "interval_max": 0.1},
}


def configure(app: Celery) -> None:
    """Has a worker outlive its broker, hoard no jobs, and hand those that it runs to others when it
    is asked to end. Whatever the project's own settings say counts; late acknowledgement is a part
    of each job's task. Call it where the app is made."""
    if app.configured:  # type: ignore[attr-defined]  # not in the stubs
        _lay_under(source=app.conf)
    else:
        app.on_after_configure.connect(_lay_under, weak=False)
    app.set_default()  # or threads other than this one get an app without configuration
    TRANSPORT_ALIASES.update(dict.fromkeys(("redis", "rediss"), TRANSPORT) | {"sentinel": SENTINEL})
    _remap_sigterm()


def _lay_under(*, source: Settings, **_: Any) -> None:
    """Over Celery's own defaults, which come last; `add_defaults` would lay them over all that
    `config_from_object` has read (Celery 5.7)."""
    source.maps.insert(-1, dict(DEFAULTS))  # type: ignore[union-attr]  # a list, in truth


def _remap_sigterm() -> None:
    """SIGTERM ends a worker within its soft shutdown, not when the last of its jobs has ended; and
    its pool, to which service managers send it too, leaves it to the worker. Celery reads this from
    the environment, once, before it imports any project's app."""
    os.environ.setdefault("REMAP_SIGTERM", "SIGQUIT")
    if "celery.apps.worker" not in sys.modules:
        importlib.reload(billiard.common)

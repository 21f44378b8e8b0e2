"""Observes tasks of Django 6's `django.tasks` through its signals; does nothing before Django
6."""

import logging
import threading
import uuid
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from django.db import Error, connections

from headway.conf import conf
from headway.kinds.masking import Mask
from headway.lifecycle import observed
from headway.lifecycle.errors import TRACEBACK, sentence
from headway.lifecycle.traces import Traces
from headway.models import Attempt, Status
from headway.stream import Reporter
from headway.worker.observed_tasks import find, quietly
from headway.worker.request import worker_name
from headway.worker.unseen import UnseenReporter, reporter_of

signals: Any = None
if find_spec("django.tasks"):  # from Django 6 on
    signals = import_module("django.tasks.signals")

logger = logging.getLogger(__name__)
NAMES = uuid.UUID("3e0d5c3c-6b0a-4f5e-9a39-6e1c9c1b1a2f")
"""Of ids that are no UUIDs, as most backends have them."""


def key(result_id: str) -> uuid.UUID:
    """The id of the row of a task's result."""
    return observed.as_uuid(result_id) or uuid.uuid5(NAMES, result_id)


def connect() -> None:
    """Listens to Django's signals, where it has them."""
    if signals is not None:
        signals.task_enqueued.connect(_on_enqueued, dispatch_uid="headway")
        signals.task_started.connect(_on_started, dispatch_uid="headway")
        signals.task_finished.connect(_on_finished, dispatch_uid="headway")


@dataclass(frozen=True)
class _Run:
    attempt: Attempt
    reporter: Reporter
    over: threading.Event

    def vouch(self) -> None:
        """Says that it still runs, as long as this process lives: no backend has a process that
        would say it for its workers."""
        while not self.over.wait(conf.JOB_LEASE_RENEW):
            try:
                observed.vouch([str(self.attempt.job_id)])
            except Error as error:
                logger.warning("The database did not take that a task runs: %s", error)
            finally:
                connections.close_all()


_runs: dict[str, _Run] = {}


@quietly
def _on_enqueued(task_result: Any, **_: Any) -> None:
    _row(task_result)


@quietly
def _on_started(task_result: Any, **_: Any) -> None:
    if not _row(task_result):
        return
    who = next(iter(task_result.worker_ids[-1:]), "")
    attempt = observed.begun(key(task_result.id), worker_name(who), vouched=True)
    if attempt is not None:
        run = _runs[task_result.id] = _Run(attempt, reporter_of(attempt), threading.Event())
        run.reporter.start()
        if not isinstance(run.reporter, UnseenReporter):  # else nobody could see what it vouches
            threading.Thread(target=run.vouch, name="vouch", daemon=True).start()


@quietly
def _on_finished(task_result: Any, **_: Any) -> None:
    if run := _runs.pop(task_result.id, None):
        run.over.set()
        traces = Traces(run.reporter.stop())
        if task_result.status == "SUCCESSFUL":
            observed.ended(run.attempt, Status.SUCCEEDED, traces)
        else:
            _failed(run.attempt, task_result, traces)


def _failed(attempt: Attempt, result: Any, traces: Traces) -> None:
    told = result.errors[-1] if result.errors else None
    text = told.traceback[-TRACEBACK:] if told else ""
    error = RuntimeError(told.exception_class_path if told else "the backend does not say why")
    reason = sentence(error, attempt.job_id, Mask())
    observed.ended(attempt, Status.FAILED, traces, reason=reason, error=text)


def _row(result: Any) -> bool:
    """Makes the row of a task's result. False: this task is not observed."""
    task = result.task
    watched = find(task.module_path)
    if watched is None:
        return False
    owner = watched.owner_of(result.args, result.kwargs)
    more = {"queue": task.queue_name, "not_before": task.run_after}
    observed.queued(key(result.id), watched.name, str(watched.title), owner=owner, **more)
    return True

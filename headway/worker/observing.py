"""`observe`: rows and bars for Celery tasks that are not job tasks, from Celery's own signals.
Nothing here ever fails such a task, or the sending of one."""

import logging
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import wraps
from typing import Any

from billiard.exceptions import Terminated, WorkerLostError
from billiard.process import current_process
from celery import signals
from django.db import connections

from headway.kinds.celery_options import seconds_until
from headway.kinds.masking import Mask
from headway.lifecycle import lease, observed, outage
from headway.lifecycle.errors import sentence, trace
from headway.lifecycle.lives import DIED
from headway.lifecycle.traces import Traces
from headway.models import Attempt, Status
from headway.stream import Cancelled, Reporter, Superseded
from headway.worker import observed_tasks
from headway.worker.observed_tasks import Observed, find, quietly
from headway.worker.request import KILLED, worker_name
from headway.worker.unseen import reporter_of

logger = logging.getLogger(__name__)
OUTAGE_TIMEOUT = 30.0
"""Seconds for which the end of a task is offered to a database that is away."""
MASK = Mask()


@dataclass(frozen=True)
class Run:
    """A run in this process."""

    attempt: Attempt
    reporter: Reporter

    def traces(self) -> Traces:
        """What it has said; it says no more."""
        said = self.reporter.stop()
        return Traces(**self.reporter.record.said(said))


_runs: dict[str, Run] = {}


def observe(task: Any, *, title: str = "", owner: Callable[..., Any] | None = None) -> None:
    """Makes a row of every run of a Celery task that is not a job, however it is started.

    `task` is the task or its full name, such as "shop.tasks.reindex". `owner` is called with the
    task's arguments and returns a user, a user's key or None. To be called by web and workers
    alike: in `AppConfig.ready`. Raises ValueError for a name of more than 100 characters.
    """
    observed_tasks.add(task, title=title, owner=owner)
    _connect()


def recognise(looks_so: Callable[[Any], bool]) -> None:
    """Observes every task of which `looks_so(task)` is true, too, from its first message on."""
    observed_tasks.recognisers.append(looks_so)
    _connect()


def _connect() -> None:
    for signal, receiver in _receivers():
        signal.connect(receiver, weak=False, dispatch_uid=f"headway.{receiver.__name__}")


def _receivers() -> list[tuple[Any, Callable[..., Any]]]:
    return [
        (signals.after_task_publish, _on_publish),
        (signals.task_prerun, _on_begin),
        (signals.task_success, _on_success),
        (signals.task_failure, _on_failure),
        (signals.task_retry, _on_retry),
        (signals.task_revoked, _on_revoked),
        (signals.task_postrun, _on_end),
    ]


@quietly
def _on_publish(
    sender: str, body: Any, headers: Mapping[str, Any], routing_key: str = "", **_: Any
) -> None:
    watched, pk = find(sender), observed.as_uuid(headers.get("id"))
    if watched and pk:
        args, kwargs, *_rest = body
        eta = headers.get("eta")
        due = datetime.fromisoformat(eta) if eta else None
        _row(watched, pk, args, kwargs, queue=routing_key or "", not_before=due)


def _row(watched: Observed, pk: uuid.UUID, args: Any, kwargs: Any, **more: Any) -> None:
    owner = watched.owner_of(args, kwargs)
    observed.queued(pk, watched.name, str(watched.title), owner=owner, **more)


@quietly
def _on_begin(sender: Any, task_id: str, args: Any, kwargs: Any, **_: Any) -> None:
    if watched := find(sender.name):
        begin(watched, sender, task_id, args, kwargs)


def begin(watched: Observed, task: Any, task_id: str, args: Any, kwargs: Any) -> Run | None:
    """Notes that a task runs in this process, and listens to it."""
    pk = observed.as_uuid(task_id)
    if pk is None:
        return None
    _row(watched, pk, args, kwargs)
    child = current_process().name != "MainProcess"
    attempt = observed.begun(pk, worker_name(task.request.hostname), vouched=child)
    if attempt is None:
        return None
    run = _runs[task_id] = Run(attempt, reporter_of(attempt))
    run.reporter.start()
    _listen(task)
    return run


def _listen(task: Any) -> None:
    """Has `self.update_state` of a task move its bar, and do what it did before. `self` and
    `current_task` are this one object in all of the process."""
    if "update_state" in vars(task):
        return
    said = task.update_state

    @wraps(said)
    def update_state(
        task_id: str | None = None, state: str | None = None, meta: Any = None, **more: Any
    ) -> Any:
        if state == "PROGRESS" and isinstance(meta, Mapping):
            _move(task_id or task.request.id, meta)
        return said(task_id=task_id, state=state, meta=meta, **more)

    task.update_state = update_state


@quietly
def _move(task_id: str, meta: Mapping[str, Any]) -> None:
    if meta.get("current") is not None:
        move(task_id, meta["current"], meta.get("total") or None, meta.get("description"))


def move(task_id: str, current: Any, total: Any, message: Any) -> None:
    """Moves the bar of a task that runs in this process. Nothing stops a task that is not ours."""
    run = _runs.get(task_id)
    try:
        if run is not None:
            run.reporter.update(current, total, message or None)
    except (Cancelled, Superseded):
        return


@quietly
def join(task: Any) -> None:
    """Observes a task that a worker has begun already, from here on."""
    request = task.request
    if request.called_directly or request.id in _runs or getattr(task, "job_kind", ""):
        return
    begin(
        find(task.name) or observed_tasks.add(task),
        task,
        request.id,
        request.args or (),
        request.kwargs or {},
    )


@quietly
def _on_success(sender: Any, **_: Any) -> None:
    _end(sender.request.id, Status.SUCCEEDED)


@quietly
def _on_failure(sender: Any, task_id: str, exception: Any, **_: Any) -> None:
    if task_id in _runs:
        told = sentence(exception, _runs[task_id].attempt.job_id, MASK)
        _end(task_id, Status.FAILED, reason=told, error=trace(exception, MASK))
    elif find(sender.name):
        try:
            _on_parents_word(task_id, exception)
        finally:
            _leave_database()


def _on_parents_word(task_id: str, exception: Any) -> None:
    """What a worker's parent process says of a run whose own process cannot any more."""
    held = Attempt.objects.filter(job__max_attempts=0, finished_at=None).order_by("-number")
    pk = observed.as_uuid(task_id)
    attempt = held.filter(job_id=pk).first() if pk else None
    if attempt is None:
        return
    if isinstance(exception, (WorkerLostError, Terminated)):
        lease.abandon(attempt.job_id, KILLED if "SIGKILL" in str(exception) else DIED)
    else:
        reason = sentence(exception, attempt.job_id, MASK)
        observed.ended(attempt, Status.FAILED, Traces(attempt.progress), reason=reason)


def _leave_database() -> None:
    """In a worker's parent process, whose children would get the connections, too."""
    for each in connections.all(initialized_only=True):
        if not each.in_atomic_block:
            each.close()


@quietly
def _on_retry(sender: Any, request: Any, reason: Any, **_: Any) -> None:
    del sender
    if run := _runs.pop(request.id, None):
        error = getattr(reason, "exc", None)
        why = sentence(error, run.attempt.job_id, MASK) if isinstance(error, Exception) else ""
        delay = max(0.0, seconds_until(getattr(reason, "when", None) or 0))
        again = f"Retry {request.retries + 1}" + (f": {why}" if why else "")
        traces, text = run.traces(), trace(reason, MASK)
        outage.insist(
            lambda: observed.retried(run.attempt, delay, traces, reason=again[:500], error=text),
            OUTAGE_TIMEOUT,
        )


@quietly
def _on_revoked(sender: Any, request: Any, expired: bool = False, **_: Any) -> None:
    pk = observed.as_uuid(request.id)
    if pk and find(sender.name):
        try:
            observed.revoked(pk, "Expired before a worker was free" if expired else "Revoked")
        finally:
            _leave_database()


@quietly
def _on_end(task_id: str, state: str | None = None, **_: Any) -> None:
    """Of a run of which no other signal has said how it ended."""
    if state == "REJECTED":
        _end(task_id, Status.FAILED, reason="The task rejected its message")
    else:
        _end(task_id, Status.SUCCEEDED)


def _end(task_id: str, status: Status, *, reason: str = "", error: str = "") -> None:
    if run := _runs.pop(task_id, None):
        traces = run.traces()
        outage.insist(
            lambda: observed.ended(run.attempt, status, traces, reason=reason, error=error),
            OUTAGE_TIMEOUT,
        )

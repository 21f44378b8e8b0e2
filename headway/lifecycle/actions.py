"""The actions: start, cancel, retry a job. Pages, admin, API, commands and Celery call these."""

import hashlib
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from typing import Any

from asgiref.sync import sync_to_async
from django.db import IntegrityError
from django.db.models import Case, QuerySet, Value, When
from django.db.models.functions import Now
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.debug import sensitive_variables

from headway import tracing
from headway.kinds import json_values, parameters, registry, secrets
from headway.kinds.celery_options import Wanted, wanted
from headway.kinds.declaration import TITLE
from headway.kinds.sealing import UnreadableError
from headway.lifecycle import (
    announce,
    audit,
    database,
    dispatch,
    files,
    fingerprint,
    former,
    quotas,
)
from headway.lifecycle.lease import later
from headway.models import Job, Status
from headway.policy import policy
from headway.users import User

KEY_USED = gettext_lazy(
    "This key has already started a job with other parameters. Use a new key for each job."
)
RETRYABLE = (Status.FAILED, Status.CANCELLED, Status.LOST)


class ActionError(Exception):
    """The verb is impossible here; the message is a sentence for the user."""


class NotAllowedError(ActionError):
    """Another user might."""


class KeyUsedError(ActionError):
    """The key of this start belongs to a start of something else."""


class LimitError(ActionError):
    """The owner has, or has started, as many jobs as one user may; worth another try in
    `retry_after` seconds."""

    retry_after = 0


@sensitive_variables()
def start(
    kind: str,
    params: Mapping[str, Any],
    *,
    owner: Any = None,
    token: str | None = None,
    key: str | None = None,
    title: str | None = None,
    options: Mapping[str, Any] | None = None,
    job_id: uuid.UUID | None = None,
    publish: bool = True,
    notify: bool = False,
) -> Job:
    """Stores a queued job, and publishes it once the surrounding transaction is committed.

    `owner` is a user or a user's primary key. A second start by the same owner with the same
    `token` of a form and the same parameters, or with the same `key`, returns the first job; with
    a key and other parameters it raises KeyUsedError. `title` stands for the kind's. `options` are
    Celery's for this one job (queue, priority, countdown, ...). Uploaded files among `params` are
    stored, and the task is given their names in the default storage. Without `publish` whoever asks
    runs it; with `notify` the owner is told of its end.
    Raises ActionError when there is no such kind or the parameters do not fit it, LimitError when
    the owner has too many.
    """
    chosen = kind_called(kind)
    job, bound = described(chosen, params, owner, title, job_id, token=token, key=key)
    if first := _started_before(job):
        return first
    job.notify = notify
    require_room(owner)
    with tracing.span("headway.start", kind=chosen.name, job=str(job.pk)):
        return _stored(job, chosen, bound, options or {}, publish=publish)


@sensitive_variables()
def described(
    chosen: registry.Kind,
    params: Mapping[str, Any],
    owner: Any,
    title: str | None,
    job_id: uuid.UUID | None,
    *,
    token: str | None = None,
    key: str | None = None,
) -> tuple[Job, dict[str, Any]]:
    """A row that is not stored, and its parameters by name. Raises ActionError as `start`."""
    owner_id = getattr(owner, "pk", owner)  # None of a visitor who is not signed in
    called = json_values.text(str(title or chosen.title), TITLE)
    job = Job(id=job_id or uuid.uuid4(), kind=chosen.name, title=called, owner_id=owner_id)
    takes = chosen.task.job_signature
    with fitting(chosen.name):
        bound = secrets.opened(parameters.bind(chosen.name, takes, (), params))
        if token or key:
            job.fingerprint = fingerprint.of(chosen.name, takes, bound)
            job.token = _digest(job, token, key)
    return job, bound


def fill(
    job: Job, chosen: registry.Kind, bound: Mapping[str, Any], asked: Wanted, saved: list[str]
) -> None:
    """Writes into the row what it is to keep. Uploads among the parameters are stored, and their
    names added to `saved`."""
    takes = chosen.task.job_signature
    job.max_attempts = chosen.task.max_attempts
    job.options, job.queue = asked.stored, asked.queue
    with fitting(job.kind):
        kept = parameters.stored(job.kind, takes, files.store_uploads(job.pk, bound, saved))
    for column, value in secrets.split(chosen.secrets, kept, job.options).items():
        setattr(job, column, value)


def cancel(job: Job, by: User | None = None, reason: str = "") -> Job:
    """Cancels a queued job at once and asks a running one to stop; returns the job as it is now.

    Raises ActionError when the job has already ended or is only observed, or when it is not for
    `by` to change.
    """
    _require("cancel", job, by, by is None or policy.may_cancel(by, job))
    _require_ours(job)
    queued = When(status=Status.QUEUED, then=Value(Status.CANCELLED))
    row = Job.objects.filter(pk=job.pk)
    with database.atomic():
        done = row.filter(status__in=(Status.QUEUED, Status.RUNNING)).update(
            status=Case(queued, default=Value(Status.CANCELLING)),
            finished_at=Case(When(status=Status.QUEUED, then=Now()), default=None),
            cancel_requested_at=Now(),
            reason=reason or (f"Cancelled by {by}" if by else "Cancelled"),
            undo=former.queued(job),
        )
        if done:
            became = row.values_list("status", flat=True).get()
            announce.after_commit(job.pk, became)
            audit.write("cancel", [job], became, by)
    return _now(row, bool(done), Status.CANCELLING, _("cancelled"))


def retry(job: Job, by: User | None = None) -> Job:
    """Queues a failed, cancelled or lost job for another attempt, with all its attempts again.

    Raises ActionError when the job runs, has succeeded, or its kind is gone, or when it is not for
    `by` to change, or when its secrets are gone.
    """
    _require("retry", job, by, by is None or policy.may_retry(by, job))
    _require_ours(job)
    chosen = kind_called(job.kind)
    row = Job.objects.filter(pk=job.pk)
    ended = row.filter(status__in=RETRYABLE, lease_until=None)  # else it is being pruned
    _require_secrets(ended)
    require_room(job.owner_id, again=True)
    with database.atomic():
        was = ended.first()
        done = was and ended.update(**former.retried(was, chosen.task.max_attempts, by))
        if done:
            audit.write("retry", [job], Status.QUEUED, by)
    now = _now(row, bool(done), Status.QUEUED, _("retried"))
    if done:
        announce.signal_after_commit([job.pk], Status.QUEUED)
        dispatch.after_commit(now, tell=True)
    return now


def require_room(owner: Any, number: int = 1, *, again: bool = False) -> None:
    """Raises LimitError unless `owner` may start so many jobs more, or have them run `again`."""
    if refused := quotas.refusal(owner, number, again=again):
        error = LimitError(refused.sentence)
        error.retry_after = refused.retry_after
        raise error


@contextmanager
def fitting(kind: str) -> Iterator[None]:
    """Within it, parameters that do not fit raise ActionError."""
    try:
        yield
    except parameters.ParameterError as error:
        raise ActionError(str(error)) from error
    except UnreadableError:
        raise ActionError(
            _("A secret for {kind} can no longer be read: this site's key has changed.").format(
                kind=kind
            )
        ) from None


acancel, aretry = sync_to_async(cancel), sync_to_async(retry)


def _stored(
    job: Job,
    chosen: registry.Kind,
    bound: Mapping[str, Any],
    options: Mapping[str, Any],
    *,
    publish: bool,
) -> Job:
    """The new row, or that of the same start which was faster."""
    asked = wanted(chosen.task, options)
    saved: list[str] = []
    try:
        fill(job, chosen, bound, asked, saved)
        _insert(job, asked.delay, publish)
    except BaseException as error:
        files.delete(saved)
        first = _started_before(job) if isinstance(error, IntegrityError) else None
        if first is None:
            raise
        return first
    return job


def _require(verb: str, job: Job, by: User | None, allowed: bool) -> None:
    if not allowed:
        audit.write(verb, [job], audit.REFUSED, by)
        raise NotAllowedError(_("You may view this job, but not change it."))


def _require_ours(job: Job) -> None:
    if job.observed:
        raise ActionError(_("This task is only observed here: it cannot be cancelled or retried."))


def _require_secrets(jobs: QuerySet[Job]) -> None:
    try:
        for job in jobs:
            secrets.of(job)
    except secrets.MissingError as error:
        raise ActionError(str(error)) from None


def kind_called(name: str) -> registry.Kind:
    """Raises ActionError where there is none."""
    try:
        return registry.get(name)
    except KeyError:
        raise ActionError(
            _("There is no kind of job called {name}.").format(name=repr(name))
        ) from None


def _digest(job: Job, token: str | None, key: str | None) -> str:
    """What is stored of a token or key: it names the owner, too, who may be deleted before the
    job. A form that is sent once more with other values means another job, so its token counts
    together with them; a key stands for one request, whatever is in it."""
    said = f"{job.owner_id}:{key}" if key else f"{job.owner_id}:{token}:{job.fingerprint}"
    return hashlib.sha256(said.encode()).hexdigest()


def _started_before(job: Job) -> Job | None:
    first = Job.objects.filter(token=job.token).first() if job.token else None
    if first is not None and first.fingerprint != job.fingerprint:
        raise KeyUsedError(KEY_USED)
    return first


def _insert(job: Job, delay: float, publish: bool) -> None:
    # One statement needs no transaction of its own; within another it must not break that.
    alone = not delay and not database.connection().in_atomic_block
    with nullcontext() if alone else database.atomic():
        audit.insert(job)
        if delay:
            Job.objects.filter(pk=job.pk).update(not_before=later(delay))
            job.refresh_from_db(fields=["not_before"])
    announce.signal_after_commit([job.pk], Status.QUEUED)  # before a worker can have it
    if publish:
        dispatch.after_commit(job)


def _now(row: QuerySet[Job], done: bool, wanted: Status, verb: str) -> Job:
    """The job as it is now. Raises ActionError unless the verb was `done` or came before."""
    found = row.first()
    if found is None:
        raise ActionError(_("This job no longer exists."))
    if not done and found.status != wanted:
        status = str(found.get_status_display()).lower()
        told = _("A job that is {status} cannot be {verb}.")
        raise ActionError(told.format(status=status, verb=verb))
    return found

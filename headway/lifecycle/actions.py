"""The verbs: start, cancel, retry a job. Pages, admin, API, commands and Celery all call these."""

import hashlib
import uuid
from collections.abc import Mapping
from typing import Any

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser, User
from django.db import IntegrityError, transaction
from django.db.models import Case, F, QuerySet, Value, When
from django.db.models.functions import Now
from django.views.decorators.debug import sensitive_variables

from headway.kinds import parameters, registry, secrets
from headway.kinds.celery_options import wanted
from headway.kinds.sealing import UnreadableError
from headway.lifecycle import announce, dispatch, files
from headway.lifecycle.lease import QUEUED_AGAIN, later
from headway.models import Job, Status

RETRYABLE = (Status.FAILED, Status.CANCELLED, Status.LOST)


class ActionError(Exception):
    """The verb is impossible here; the message is a sentence for the user."""


class NotAllowedError(ActionError):
    """Somebody else might."""


class TokenUsedError(ActionError):
    """The one-time token of this start belongs to a job of another kind."""


@sensitive_variables()
def start(
    kind: str,
    params: Mapping[str, Any],
    *,
    owner: AbstractBaseUser | int | None = None,
    token: str | None = None,
    options: Mapping[str, Any] | None = None,
    job_id: uuid.UUID | None = None,
) -> Job:
    """Stores a queued job, and publishes it once the surrounding transaction is committed.

    `token` is a form's one-time token: a second start by the same owner with it returns the first
    job; one of another kind raises TokenUsedError. `options` are Celery's for this one job
    (queue, priority, countdown, ...). Uploaded files among `params` are stored, and the task is
    given their names in the default storage.
    Raises ActionError when there is no such kind or the parameters do not fit it.
    """
    chosen = _kind(kind)
    owner_id: int | None = owner.pk if isinstance(owner, AbstractBaseUser) else owner
    digest = _digest(token, owner_id)
    first = _started_with(digest, kind)
    if first is not None:
        return first
    asked = wanted(chosen.task, options or {})
    job = Job(id=job_id or uuid.uuid4(), kind=kind, title=chosen.title, owner_id=owner_id)
    job.token, job.max_attempts = digest, chosen.task.max_attempts
    job.options, job.queue = asked.stored, asked.queue
    saved: list[str] = []
    try:
        fitting = _fitting(chosen, job.pk, params, saved)
        for column, value in secrets.split(chosen.secrets, fitting, job.options).items():
            setattr(job, column, value)
        _insert(job, asked.delay)
    except BaseException as error:
        files.delete(saved)
        first = _started_with(digest, kind) if isinstance(error, IntegrityError) else None
        if first is None:
            raise
        return first
    return job


def cancel(job: Job, by: User | AnonymousUser | None = None) -> Job:
    """Cancels a queued job at once and asks a running one to stop; returns the job as it is now.

    Raises ActionError when the job has already ended, or when it is not for `by` to change.
    """
    _check(job, by)
    queued = When(status=Status.QUEUED, then=Value(Status.CANCELLED))
    row = Job.objects.filter(pk=job.pk)
    with transaction.atomic():
        done = row.filter(status__in=(Status.QUEUED, Status.RUNNING)).update(
            status=Case(queued, default=Value(Status.CANCELLING)),
            finished_at=Case(When(status=Status.QUEUED, then=Now()), default=None),
            cancel_requested_at=Now(),
            reason=f"Cancelled by {by}" if by else "Cancelled",
        )
        if done:
            announce.after_commit(job.pk)
    return _now(row, bool(done), Status.CANCELLING, "cancelled")


def retry(job: Job, by: User | AnonymousUser | None = None) -> Job:
    """Queues a failed, cancelled or lost job for another attempt, with attempts anew.

    Raises ActionError when the job runs, has succeeded, or its kind is gone, or when it is not for
    `by` to change, or when its secrets are gone.
    """
    _check(job, by)
    chosen = _kind(job.kind)
    row = Job.objects.filter(pk=job.pk)
    ended = row.filter(status__in=RETRYABLE)
    _require_secrets(ended)
    done = ended.update(
        **QUEUED_AGAIN,
        max_attempts=F("attempt") + chosen.task.max_attempts,
        reason=f"Retried by {by}" if by else "Retried",
        options=_anew(job.options),
    )
    now = _now(row, bool(done), Status.QUEUED, "retried")
    if done:
        dispatch.after_commit(now, tell=True)
    return now


def _check(job: Job, by: User | AnonymousUser | None) -> None:
    """Everybody may change their own jobs; others' take the permission that the admin asks for."""
    own = by is not None and by.is_authenticated and job.owner_id == by.pk
    if by is not None and not own and not by.has_perm("headway.change_job"):
        raise NotAllowedError("You may look at this job, but not change it.")


def _require_secrets(jobs: QuerySet[Job]) -> None:
    try:
        for job in jobs:
            secrets.of(job)
    except secrets.MissingError as error:
        raise ActionError(str(error)) from None


def _kind(name: str) -> registry.Kind:
    try:
        return registry.get(name)
    except KeyError:
        raise ActionError(f"There is no kind of job called {name!r}.") from None


def _digest(token: str | None, owner_id: int | None) -> str | None:
    """What is stored of a token: it names the owner, too, who may be deleted before the job."""
    return hashlib.sha256(f"{owner_id}:{token}".encode()).hexdigest() if token else None


def _started_with(digest: str | None, kind: str) -> Job | None:
    first = Job.objects.filter(token=digest).first() if digest else None
    if first is not None and first.kind != kind:
        raise TokenUsedError("This key has already started a job of another kind.")
    return first


def _fitting(
    kind: registry.Kind, job: uuid.UUID, params: Mapping[str, Any], saved: list[str]
) -> dict[str, Any]:
    try:
        bound = secrets.opened(parameters.bind(kind.name, kind.task.job_signature, (), params))
        return parameters.stored(kind.name, files.store_uploads(job, bound, saved))
    except parameters.ParameterError as error:
        raise ActionError(str(error)) from error
    except UnreadableError:
        raise ActionError(
            f"A secret for {kind.name} can no longer be read: this site's key has changed."
        ) from None


def _anew(options: Mapping[str, Any]) -> dict[str, Any]:
    """Celery's options without what an earlier run used up."""
    return {name: value for name, value in options.items() if name not in ("expires", "retries")}


def _insert(job: Job, delay: float) -> None:
    with transaction.atomic():
        job.save(force_insert=True)
        if delay:
            Job.objects.filter(pk=job.pk).update(not_before=later(delay))
            job.refresh_from_db(fields=["not_before"])
        dispatch.after_commit(job)


def _now(row: QuerySet[Job], done: bool, wanted: Status, verb: str) -> Job:
    """The job as it is now. Raises ActionError unless the verb was `done` or came before."""
    found = row.first()
    if found is None:
        raise ActionError("This job no longer exists.")
    if not done and found.status != wanted:
        raise ActionError(f"A job that is {found.status} cannot be {verb}.")
    return found

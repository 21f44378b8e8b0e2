"""The task base class: a Celery task whose every run is a job with a row, a lease and a bar."""

import inspect
import logging
import uuid
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any, overload

from asgiref.sync import sync_to_async
from celery import Task, shared_task
from celery.exceptions import Ignore
from celery.result import AsyncResult
from django import forms
from django.utils.functional import Promise

from headway import tracing
from headway.conf import conf
from headway.kinds import celery_options, declaration, fitting, parameters
from headway.lifecycle import actions, dispatch, lease, outage
from headway.lifecycle.errors import JobError
from headway.models import Attempt, Job
from headway.worker import current_progress, interruption, watched
from headway.worker.job_result import JobResult
from headway.worker.many_starts import ManyStarts
from headway.worker.messages import OURS, VERSION
from headway.worker.request import worker_name
from headway.worker.runner import Runner

logger = logging.getLogger(__name__)


class JobTask(ManyStarts, Task[Any, Any]):
    """A task whose runs are jobs. Its message carries nothing but the id of the job's row."""

    Request = "headway.worker.request:JobRequest"
    typing = False  # checks the message's arguments, of which there are none
    acks_late = True
    ignore_result = True
    resultrepr_maxsize = 0  # results may be private; Celery would print them into the log
    throws = (JobError,)  # a sentence for the user, of which the operator needs no traceback

    job_kind = ""
    job_title = ""
    job_unit = ""
    job_form: type[forms.Form] | None = None
    max_attempts = 1
    stalled_after: float | None = None
    stop_stalled = False
    effects: str | Promise = ""
    says: Sequence[str] = ()
    leads_to: Callable[[Job], str] | None = None

    @cached_property
    def job_signature(self) -> inspect.Signature:
        """What the function takes, without the task itself."""
        return parameters.signature(self.run)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Called by a worker, runs the job; called by other code, is a plain function call."""
        request = self.request
        applied = request.is_eager and not self.app.conf.task_always_eager
        if request.called_directly or applied or current_progress.is_running(request.id):
            return self._plainly(args, kwargs)
        name = worker_name(request.hostname)
        attempt = outage.insist(lambda: lease.claim(str(request.id), name))
        if attempt is None and request.is_eager and not _has_row(str(request.id)):
            return self._plainly(args, kwargs)
        if attempt is None and not getattr(request, OURS, False):
            self._take_in(args, kwargs)
        if attempt is None:
            if not request.is_eager:
                dispatch.publish_following(str(request.id))
            logger.info("Job %s is not to be run now; its message is dropped", request.id)
            raise Ignore
        with watched.attempt(request, attempt):
            return self._run_in_turn(attempt)

    def _run_in_turn(self, attempt: Attempt) -> Any:
        """Runs an attempt, and has the jobs published whose turn comes by that."""
        if self.request.is_eager:
            return Runner(self, attempt).run()

        def follow() -> None:
            dispatch.publish_following(attempt.job)

        try:
            return Runner(self, attempt, first=follow).run()
        finally:
            if conf.JOB_MAX_RUNNING_PER_USER:
                interruption.finished(follow)

    def start(
        self,
        params: Mapping[str, Any] | None = None,
        /,
        *,
        owner: Any = None,
        title: str | None = None,
        idempotency_key: str | None = None,
        **named: Any,
    ) -> Job:
        """Stores a job with these parameters, which are published after commit, and returns it.
        `params` is for those that are called as something else here: owner, title,
        idempotency_key.

        It belongs to `owner`, a user or a user's key, else to the owner of the job that starts it.
        A second start by the same owner with the same `idempotency_key` returns the first job.
        Raises ActionError when the parameters do not fit.
        """
        asked = dict(params or {}, **named)
        return self._stored(lambda: asked, owner=owner, title=title, key=idempotency_key)

    async def astart(self, params: Mapping[str, Any] | None = None, /, **named: Any) -> Job:
        """`start` for asynchronous code."""
        return await sync_to_async(self.start)(params, **named)

    def delay(self, *args: Any, **kwargs: Any) -> AsyncResult[Any]:
        """Celery's, but that `owner` is the job's, unless the task has a parameter of this name."""
        own = "owner" in self.job_signature.parameters
        owner = None if own else kwargs.pop("owner", None)
        return self.apply_async(args, kwargs, owner=owner)

    def apply_async(
        self,
        args: Any = None,
        kwargs: Any = None,
        task_id: str | None = None,
        producer: Any = None,
        link: Any = None,
        link_error: Any = None,
        shadow: str | None = None,
        *,
        owner: Any = None,
        **other: Any,
    ) -> AsyncResult[Any]:
        """Stores a job and publishes it after commit. The job belongs to `owner`, else to the
        owner of the job that starts it. Raises ActionError when the arguments do not fit."""
        del producer  # publishing is left to another thread
        if task_id and not self.request.called_directly and task_id == self.request.id:
            # Celery's retry sends itself again; the row is queued again when its Retry arrives.
            return self.AsyncResult(task_id)
        job = self._stored(
            lambda: self._bound(args or (), kwargs or {}),
            owner=owner,
            options={"link": link, "link_error": link_error, "shadow": shadow, **other},
            job_id=uuid.UUID(task_id) if task_id else None,
        )
        return self.AsyncResult(str(job.pk))

    def publish(self, job: Job, producer: Any = None) -> None:
        """Sends the message of a job's row. Raises what the broker's library raises."""
        options = celery_options.restored(job.options)
        known = celery_options.headers(options)
        with tracing.span("headway.publish", known, kind=job.kind, job=str(job.pk)):
            super().apply_async(
                (),
                {},
                task_id=str(job.pk),
                producer=producer,
                countdown=celery_options.seconds_left(job.not_before),
                add_to_parent=False,
                **options | {"headers": {**known, **tracing.carried(), OURS: VERSION}},
            )

    def AsyncResult(self, task_id: str, **options: Any) -> JobResult:  # noqa: N802 - Celery's name
        """Celery's, that answers from the job's row."""
        return JobResult(task_id, backend=self.backend, app=self.app, **options)

    def _stored(
        self,
        bound: Callable[[], Mapping[str, Any]],
        *,
        owner: Any,
        job_id: uuid.UUID | None = None,
        options: Mapping[str, Any] | None = None,
        **asked: Any,
    ) -> Job:
        tried = job_id is not None  # one of somebody's own may be there
        job_id = job_id or uuid.uuid4()  # the same, should the database take it and not say so

        def store() -> Job:
            nonlocal tried
            existing = Job.objects.filter(pk=job_id).first() if tried else None
            tried = True
            if existing is not None:
                dispatch.after_commit(existing)
                return existing
            parent = None if owner else self._parent(options or {})
            owned = owner or (parent.owner_id if parent else None)
            return actions.start(
                self.job_kind, bound(), owner=owned, job_id=job_id, options=options, **asked
            )

        # Only a job has the time: people who wait for an answer get an error instead.
        return outage.insist(store) if current_progress.running_job() else store()

    def _take_in(self, args: Any, kwargs: Any) -> None:
        """Makes a job of a message that somebody has sent without one, as `send_task` does. That
        is published with all that Celery wants to know of the message, and this one is dropped."""
        request = self.request
        job_id = uuid.UUID(request.id)
        if outage.insist(Job.objects.filter(pk=job_id).exists):
            return  # it has ended, or another worker runs it
        options = request.as_execution_options()
        for sender in ("task_id", "reply_to", "origin", "headers"):
            options.pop(sender, None)
        where = request.delivery_info or {}
        options |= {"queue": where.get("routing_key"), "priority": where.get("priority")}
        try:
            bound = self._bound(args, kwargs)
            outage.insist(
                lambda: self._stored(lambda: bound, owner=None, job_id=job_id, options=options)
            )
        except actions.ActionError as error:
            raise JobError(f"Its message asks for no job that there can be. {error}") from error

    def _bound(self, args: Any, kwargs: Any) -> dict[str, Any]:
        with actions.fitting(self.job_kind):
            return parameters.bind(self.job_kind, self.job_signature, args, kwargs)

    def _plainly(self, args: Any, kwargs: Any) -> Any:
        with current_progress.nobody():
            return super().__call__(*args, **kwargs)

    def _parent(self, other: Mapping[str, Any]) -> Job | None:
        """The job that starts this one: a chain names it, within a task it is the running one."""
        parent = current_progress.running_job() or other.get("parent_id")
        try:
            return Job.objects.filter(pk=uuid.UUID(str(parent))).first()
        except ValueError:  # there is none, or it is a task with a custom id
            return None


def _has_row(job_id: str) -> bool:
    return Job.objects.filter(pk=job_id).exists()


@overload
def job_task(function: Callable[..., Any], /) -> JobTask: ...


@overload
def job_task(
    *,
    title: str | Promise = "",
    kind: str = "",
    form: type[forms.Form] | None = None,
    max_attempts: int = 1,
    unit: str | Promise = "",
    **celery_options: Any,
) -> Callable[[Callable[..., Any]], JobTask]: ...


def job_task(
    function: Callable[..., Any] | None = None,
    /,
    *,
    title: str | Promise = "",
    kind: str = "",
    form: type[forms.Form] | None = None,
    max_attempts: int = 1,
    unit: str | Promise = "",
    **celery_options: Any,
) -> JobTask | Callable[[Callable[..., Any]], JobTask]:
    """Makes a function a kind of job: a Celery task that pages, code and beat can start.

    `title` and the docstring's first paragraph present it; `kind` is its name in addresses and
    rows, else that of the function with dashes; `form` is its start form, else built from the
    annotated parameters; `max_attempts` limits runs after workers died; `unit` is
    what progress counts, such as "rows" or "kB". A run without a word for `stalled_after` seconds
    (else JOB_STALLED_AFTER; 0: never) is shown as stalled, and with `stop_stalled` it fails.
    `effects` says what a second attempt repeats outside ("Sends e-mails"): Retry asks first.
    `says` are its phases and messages with {names}, which pages translate; `leads_to(job)` gives
    the path to which the page of a job that succeeds goes on. All else (`queue`, ...) is Celery's.
    """

    def declare(function: Callable[..., Any]) -> JobTask:
        named = getattr(function, "__name__", "").replace("_", " ").strip()
        called = kind or named.replace(" ", "-")
        declaration.check(function, title=title, kind=called, form=form, max_attempts=max_attempts)
        declaration.check_says(celery_options.get("says", ()))
        bound = bool(celery_options.get("bind"))
        parameters.check(function, bound=bound)
        if form is not None:
            fitting.check(function, form, bound=bound)
        shared: Any = shared_task  # untyped in the stubs when it has options
        task: JobTask = shared(
            base=JobTask,
            job_kind=called,
            job_title=title or named.capitalize(),
            job_unit=unit,
            job_form=form,
            max_attempts=max_attempts,
            **celery_options,
        )(function)
        return task

    return declare if function is None else declare(function)

"""The task base class: a Celery task whose every run is a job with a row, a lease and a bar."""

import inspect
import logging
import uuid
from collections.abc import Callable
from typing import Any, overload

from celery import Task, shared_task
from celery.exceptions import Ignore
from celery.result import AsyncResult
from django import forms

from headway.kinds import celery_options, fitting, parameters
from headway.lifecycle import actions, dispatch, lease, outage
from headway.lifecycle.errors import JobError
from headway.models import Job
from headway.worker import current_progress
from headway.worker.request import worker_name
from headway.worker.runner import Runner

logger = logging.getLogger(__name__)


class JobTask(Task[Any, Any]):
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

    @property
    def job_signature(self) -> inspect.Signature:
        """What the function takes, without the task itself."""
        return parameters.signature(self.run)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Called by a worker, runs the job; called by anybody else, is a plain function call."""
        request = self.request
        applied = request.is_eager and not self.app.conf.task_always_eager
        if request.called_directly or applied or current_progress.is_running(request.id):
            return self._plainly(args, kwargs)
        name = worker_name(request.hostname)
        attempt = outage.insist(lambda: lease.claim(str(request.id), name))
        if attempt is None and request.is_eager:
            return self._plainly(args, kwargs)
        if attempt is None:
            logger.info("Job %s is not to be run now; its message is dropped", request.id)
            raise Ignore
        return Runner(self, attempt).run()

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
            # Celery's retry sends itself anew; the row is queued again when its Retry arrives.
            return self.AsyncResult(task_id)
        job_id = uuid.UUID(task_id) if task_id else uuid.uuid4()

        def store() -> None:
            existing = Job.objects.filter(pk=job_id).first()
            if existing is not None:
                return dispatch.after_commit(existing)
            parent = self._parent(other)
            actions.start(
                self.job_kind,
                parameters.bind(self.job_kind, self.job_signature, args or (), kwargs or {}),
                owner=owner or (parent.owner_id if parent else None),
                options={"link": link, "link_error": link_error, "shadow": shadow, **other},
                job_id=job_id,
            )
            return None

        # Only a job has the time: people who wait for an answer get an error instead.
        outage.insist(store) if current_progress.running_job() else store()
        return self.AsyncResult(str(job_id))

    def publish(self, job: Job, countdown: float = 0.0) -> None:
        """Sends the message of a job's row. Raises what the broker's library raises."""
        super().apply_async(
            (),
            {},
            task_id=str(job.pk),
            countdown=countdown,
            add_to_parent=False,
            **celery_options.restored(job.options),
        )

    def _plainly(self, args: Any, kwargs: Any) -> Any:
        with current_progress.nobody():
            return super().__call__(*args, **kwargs)

    def _parent(self, other: dict[str, Any]) -> Job | None:
        """The job that starts this one: a chain names it, within a task it is the running one."""
        parent = current_progress.running_job() or other.get("parent_id")
        return Job.objects.filter(pk=parent).first() if parent else None


@overload
def job_task(function: Callable[..., Any], /) -> JobTask: ...


@overload
def job_task(
    *,
    title: str = "",
    form: type[forms.Form] | None = None,
    max_attempts: int = 1,
    unit: str = "",
    **celery_options: Any,
) -> Callable[[Callable[..., Any]], JobTask]: ...


def job_task(
    function: Callable[..., Any] | None = None,
    /,
    *,
    title: str = "",
    form: type[forms.Form] | None = None,
    max_attempts: int = 1,
    unit: str = "",
    **celery_options: Any,
) -> JobTask | Callable[[Callable[..., Any]], JobTask]:
    """Makes a function a kind of job: a Celery task that pages, code and beat can start.

    `title` and the docstring's first paragraph present it; `form` is its start form (else built
    from the annotated parameters); `max_attempts` limits runs after workers died; `unit` is
    what progress counts, such as "rows" or "kB". A run without a word for `stalled_after` seconds
    (else JOB_STALLED_AFTER; 0: never) is shown as stalled, and with `stop_stalled` it fails.
    Everything else (`bind`, `queue`, `time_limit`, `autoretry_for`, ...) is Celery's.
    """

    def declare(function: Callable[..., Any]) -> JobTask:
        parameters.check(function)
        if form is not None:
            fitting.check(function, form)
        named = function.__name__.replace("_", " ").strip()
        shared: Any = shared_task  # untyped in the stubs when it has options
        task: JobTask = shared(
            base=JobTask,
            job_kind=named.replace(" ", "-"),
            job_title=title or named.capitalize(),
            job_unit=unit,
            job_form=form,
            max_attempts=max_attempts,
            **celery_options,
        )(function)
        return task

    return declare if function is None else declare(function)

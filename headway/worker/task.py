"""The task base class: a Celery task whose every run is a job with a row, a lease and a bar."""

import inspect
import logging
import time
import uuid
from collections.abc import Callable
from typing import Any, overload

from billiard.exceptions import SoftTimeLimitExceeded
from celery import Signature, Task, shared_task
from celery.exceptions import Ignore, Retry
from celery.result import AsyncResult
from django import forms

from headway.kinds import celery_options, parameters, registry, secrets
from headway.kinds.masking import Mask
from headway.lifecycle import actions, dispatch, lease, outage
from headway.lifecycle.errors import JobError, sentence, trace, without_secrets
from headway.lifecycle.log import log
from headway.models import Attempt, Job, Status
from headway.stream import Cancelled, Reporter, Superseded
from headway.worker import current_progress, interruption
from headway.worker.lease_renewal import Keeper
from headway.worker.outcome import Ending, failed, kept, retried, told_to_end
from headway.worker.request import worker_name

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
        return self._run_attempt(attempt)

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

    def _run_attempt(self, attempt: Attempt) -> Any:
        reporter = Reporter(log(), str(attempt.job_id), attempt.number)
        progress, begun = current_progress.Running(attempt, reporter), time.monotonic()
        reporter.start()
        with Keeper(attempt, reporter, lambda: _traces(reporter, reporter.progress())):
            try:
                ending = self._ending(attempt.job, progress)
                return interruption.finished(
                    lambda: self._settle(progress, ending, _traces(reporter, reporter.stop()))
                )
            except Superseded:
                reporter.stop()
                logger.warning("Attempt %d of job %s was replaced", attempt.number, attempt.job_id)
                raise Ignore from None
            except (SystemExit, KeyboardInterrupt):
                last = reporter.stop()
                # Out of time, the worker's parent ends this process and settles the job: request.py
                if not self._out_of_time(begun):
                    interruption.by_shutdown(
                        attempt, _traces(reporter, last), repeatable=self.max_attempts > 1
                    )
                raise

    def _ending(self, job: Job, progress: current_progress.Running) -> Ending:
        mask = Mask()
        try:
            known = secrets.of(job)
            mask = progress.hide(known)
            with current_progress.running(progress):
                returned = self.run(**parameters.revived(self.job_signature, job.params | known))
            result = kept(returned, progress, mask)
        except Cancelled:
            return Ending(status=Status.CANCELLED, raises=Ignore())
        except Superseded:
            raise
        except Retry as retry:
            return retried(retry, job.pk, mask)
        except Ignore as ignore:
            return Ending(status=Status.SUCCEEDED, raises=ignore)
        except BaseException as error:
            if told_to_end(error):
                raise SystemExit from error
            if isinstance(error, SoftTimeLimitExceeded):
                outage.drop_connection()
                return failed(error, f"Took longer than {self._soft_limit()} s", mask)
            if outage.is_outage(error) and not isinstance(error, JobError):
                outage.drop_connection()
                told = without_secrets(error, mask)
                return Ending(status=Status.QUEUED, error=trace(error, mask), raises=told)
            return failed(error, sentence(error, job.pk, mask), mask)
        if progress.saw_cancel:
            return Ending(status=Status.CANCELLED, result=result, raises=Ignore())
        return Ending(status=Status.SUCCEEDED, result=result)

    def _settle(
        self, progress: current_progress.Running, ending: Ending, traces: lease.Traces
    ) -> Any:
        if isinstance(ending.raises, Retry):
            if self._queued_again(progress.attempt, ending, ending.raises, traces):
                raise ending.raises
            ending = Ending(status=Status.CANCELLED, raises=Ignore())
        elif ending.status == Status.QUEUED and ending.raises is not None:
            ending = self._interrupted(progress.attempt, ending.raises, ending.error, traces)

        def settle() -> bool:
            return lease.settle(
                progress.attempt,
                ending.status,
                traces,
                reason=ending.reason,
                error=ending.error,
                result=ending.result,
                files=progress.files,
            )

        if not outage.insist(settle):
            raise Ignore
        if ending.raises is not None:
            raise ending.raises
        return ending.result

    def _queued_again(
        self, attempt: Attempt, ending: Ending, retry: Retry, traces: lease.Traces
    ) -> bool:
        """Queues the row for a Celery retry. False when the job is to end instead."""
        again: Signature[Any] = retry.sig  # type: ignore[attr-defined]  # missing in the stubs
        when: Any = retry.when or 0
        delay, number = (
            max(0.0, celery_options.seconds_until(when)),
            again.options.get("retries", 1),
        )
        job, changes = attempt.job, {"options": {**attempt.job.options, "retries": number}}
        if again.args or again.kwargs:
            bound = self.job_signature.bind_partial(*again.args, **again.kwargs)
            new = parameters.stored(self.job_kind, bound.arguments)
            marked = registry.get(self.job_kind).secrets
            changes |= secrets.split(marked, job.params | secrets.of(job) | new, job.options)
        why = ending.again(number)
        queued = outage.insist(
            lambda: lease.requeue(
                attempt, delay, traces, reason=why, error=ending.error, changes=changes
            )
        )
        if queued:
            interruption.publish(attempt)
        return queued

    def _interrupted(
        self, attempt: Attempt, error: BaseException, told: str, traces: lease.Traces
    ) -> Ending:
        """How the job ends, unless it runs again now that the database is back: then Ignore."""
        again = self.max_attempts > 1
        how = interruption.by_outage(attempt, traces, told, repeatable=again)
        if how == Status.FAILED:
            reason = interruption.NOT_AGAIN
            return Ending(status=Status.FAILED, reason=reason, error=told, raises=error)
        if how == Status.CANCELLED:
            return Ending(status=Status.CANCELLED, error=told, raises=Ignore())
        raise Ignore

    def _soft_limit(self) -> float | None:
        _, soft = self.request.timelimit or (None, None)
        return soft or self.soft_time_limit

    def _out_of_time(self, begun: float) -> bool:
        hard, _ = self.request.timelimit or (None, None)
        limit: float | None = hard or self.time_limit
        return limit is not None and time.monotonic() - begun > limit - 0.5


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


def _traces(reporter: Reporter, progress: Any) -> lease.Traces:
    return lease.Traces(dict(progress), list(reporter.warnings), list(reporter.lines))

"""Celery's view of a job: state and result from its row, without a result backend."""

import time
from typing import Any

from celery import states
from celery.exceptions import TaskRevokedError
from celery.exceptions import TimeoutError as CeleryTimeoutError
from celery.result import AsyncResult, assert_will_not_block  # type: ignore[attr-defined]  # not in the stubs

from headway.lifecycle.actions import ActionError
from headway.lifecycle.errors import JobError
from headway.lifecycle.waiting import pauses, wait
from headway.models import Job, Status

STATES = {
    Status.QUEUED: states.PENDING,
    Status.RUNNING: states.STARTED,
    Status.CANCELLING: states.STARTED,
    Status.SUCCEEDED: states.SUCCESS,
    Status.FAILED: states.FAILURE,
    Status.LOST: states.FAILURE,
    Status.CANCELLED: states.REVOKED,
}
"""What Celery calls them."""


class JobResult(AsyncResult[Any]):
    """What `delay` and `apply_async` of a job's task return."""

    def get(
        self,
        timeout: float | None = None,
        propagate: bool = True,
        *_: Any,
        disable_sync_subtasks: bool = True,
        **__: Any,
    ) -> Any:
        """The result of a job that has ended, or ends within `timeout` seconds. Raises JobError for
        one that has failed, TaskRevokedError for a cancelled one, Celery's TimeoutError, and
        ActionError for one that has not ended where no `timeout` is given."""
        if disable_sync_subtasks:
            assert_will_not_block()
        until = time.monotonic() + (timeout or 0.0)
        job = self._started(propagate, until)
        if job.is_active and timeout is None:
            raise ActionError(
                "This job has not ended, and get() does not wait without a timeout: use"
                " get(timeout=60), or show the job's bar."
            )
        if job.is_active:
            try:
                job = wait(job, max(0.0, until - time.monotonic()))
            except TimeoutError as error:
                raise CeleryTimeoutError(str(error)) from error
        answer = _answer(job)
        if propagate and isinstance(answer, Exception):
            raise answer
        return answer

    @property
    def supports_native_join(self) -> bool:
        """A group asks each of its jobs, and no result backend."""
        return False

    def forget(self) -> None:
        """Nothing: the history keeps jobs for as long as the site says."""

    def _started(self, propagate: bool, until: float) -> Job:
        """The row. In a chain it is made when the job before has succeeded."""
        before = self.parent if isinstance(self.parent, JobResult) else None
        if before is not None and until > time.monotonic():
            before.get(until - time.monotonic(), propagate)
        for pause in pauses(until - time.monotonic()):
            job = Job.objects.filter(pk=self.id).first()
            if job is not None:
                return job
            if before is None:
                break
            time.sleep(pause)
        raise ActionError("This job does not exist: it was deleted, or has not been started yet.")

    def _get_task_meta(self) -> dict[str, Any]:
        job = Job.objects.filter(pk=self.id).first()
        if job is None:
            return {"status": states.PENDING, "result": None}
        return {"status": STATES[Status(job.status)], "result": _answer(job)}


def _answer(job: Job) -> Any:
    if job.status == Status.CANCELLED:
        return TaskRevokedError(job.reason)
    if job.status in (Status.FAILED, Status.LOST):
        return JobError(job.reason)
    return job.result

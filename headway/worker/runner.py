"""Runs one attempt at a job, and settles how it ended."""

import logging
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from billiard.exceptions import SoftTimeLimitExceeded
from celery import Signature
from celery.exceptions import Ignore, Retry

from headway import tracing
from headway.kinds import celery_options, parameters, registry, secrets
from headway.kinds.masking import Mask
from headway.kinds.registry import JobTask
from headway.lifecycle import lease, outage
from headway.lifecycle.errors import JobError, sentence, trace, without_secrets
from headway.lifecycle.traces import Traces
from headway.models import Attempt, Status
from headway.stream import Cancelled, Reporter, Superseded
from headway.stream.event import Progress
from headway.worker import captured_logging, current_progress, interruption
from headway.worker.lease_renewal import LeaseRenewal
from headway.worker.outcome import Outcome, failed, kept, retried, told_to_end
from headway.worker.unseen import UnseenReporter, reporter_of

logger = logging.getLogger(__name__)


class Runner:
    """One attempt of a task, from the claim of its row to its settlement. Where its row is in a
    transaction, as in a TestCase, nobody else sees it: then nobody is told, and no lease kept."""

    def __init__(
        self,
        task: JobTask,
        attempt: Attempt,
        reporter: UnseenReporter | None = None,
        first: Callable[[], None] = lambda: None,
    ) -> None:
        """`first` is done before the task, with its lease and within its limits of time."""
        self._task, self._attempt, self._first = task, attempt, first
        self._reporter = reporter or reporter_of(attempt)
        self._progress = current_progress.Running(attempt, self._reporter)
        self._begun = time.monotonic()

    def run(self) -> Any:
        """Returns what Celery is told of the end, or raises it."""
        attempt, reporter = self._attempt, self._reporter
        captured_logging.install()
        reporter.start()
        with self._lease():
            try:
                outcome = self._outcome()
                return interruption.finished(
                    lambda: self._settle(outcome, _traces(reporter, reporter.stop()))
                )
            except Superseded:
                reporter.stop()
                logger.warning("Attempt %d of job %s was replaced", attempt.number, attempt.job_id)
                raise Ignore from None
            except (SystemExit, KeyboardInterrupt):
                last = reporter.stop()
                # Out of time, the worker's parent ends this process and settles the job: request.py
                if not self._out_of_time():
                    interruption.by_shutdown(
                        attempt, _traces(reporter, last), repeatable=self._task.max_attempts > 1
                    )
                raise

    def _lease(self) -> AbstractContextManager[None]:
        reporter = self._reporter
        if isinstance(reporter, UnseenReporter):
            return nullcontext()
        return LeaseRenewal(self._attempt, reporter, lambda: _traces(reporter, reporter.progress()))

    def _outcome(self) -> Outcome:
        job, progress = self._attempt.job, self._progress
        mask = Mask()
        try:
            self._first()
            known = secrets.of(job)
            mask = progress.hide(known)
            with current_progress.running(progress):
                returned = self._task.run(
                    **parameters.revived(self._task.job_signature, job.params | known)
                )
            result = kept(returned, progress, mask)
        except Cancelled:
            return Outcome(status=Status.CANCELLED, raises=Ignore())
        except Superseded:
            raise
        except Retry as retry:
            return retried(retry, job.pk, mask)
        except Ignore as ignore:
            return Outcome(status=Status.SUCCEEDED, raises=ignore)
        except BaseException as error:
            if told_to_end(error):
                raise SystemExit from error
            if isinstance(error, SoftTimeLimitExceeded):
                outage.drop_connections()
                return failed(error, f"Took longer than {self._soft_limit()} s", mask)
            if outage.is_outage(error) and not isinstance(error, JobError):
                outage.drop_connections()
                told = without_secrets(error, mask)
                return Outcome(status=Status.QUEUED, error=trace(error, mask), raises=told)
            return failed(error, sentence(error, job.pk, mask), mask)
        if progress.saw_cancel:
            return Outcome(status=Status.CANCELLED, result=result, raises=Ignore())
        return Outcome(status=Status.SUCCEEDED, result=result)

    def _settle(self, outcome: Outcome, traces: Traces) -> Any:
        if isinstance(outcome.raises, Retry):
            if self._queued_again(outcome, outcome.raises, traces):
                raise outcome.raises
            outcome = Outcome(status=Status.CANCELLED, raises=Ignore())
        elif outcome.status == Status.QUEUED and outcome.raises is not None:
            outcome = self._interrupted(outcome.raises, outcome.error, traces)

        def settle() -> bool:
            return lease.settle(
                self._attempt,
                outcome.status,
                traces,
                reason=outcome.reason,
                error=outcome.error,
                result=outcome.result,
                refused=outcome.refused,
                files=self._progress.files,
            )

        with tracing.span("headway.settle", status=str(outcome.status)):
            settled = outage.insist(settle)
        tracing.note(status=str(outcome.status), failed=outcome.status == Status.FAILED)
        if not settled:
            raise Ignore
        if outcome.raises is not None:
            raise outcome.raises
        return outcome.result

    def _queued_again(self, outcome: Outcome, retry: Retry, traces: Traces) -> bool:
        """Queues the row for a Celery retry. False when the job is to end instead."""
        again: Signature[Any] = retry.sig  # type: ignore[attr-defined]  # missing in the stubs
        attempt, eager = self._attempt, self._task.request.is_eager
        when: Any = 0 if eager else retry.when or 0
        delay = max(0.0, celery_options.seconds_until(when))
        number = again.options.get("retries", 1)
        job, changes = attempt.job, {"options": {**attempt.job.options, "retries": number}}
        if again.args or again.kwargs:
            bound = self._task.job_signature.bind_partial(*again.args, **again.kwargs)
            new = parameters.stored(self._task.job_kind, self._task.job_signature, bound.arguments)
            marked = registry.get(self._task.job_kind).secrets
            changes |= secrets.split(marked, job.params | secrets.of(job) | new, job.options)
        why = outcome.again(number)
        queued = outage.insist(
            lambda: lease.requeue(
                attempt, delay, traces, reason=why, error=outcome.error, changes=changes
            )
        )
        if queued and not eager:  # eager ones run again by Celery's own hand, and at once
            interruption.publish(attempt)
        return queued

    def _interrupted(self, error: BaseException, told: str, traces: Traces) -> Outcome:
        """How the job ends, unless it runs again now that the database is back: then Ignore."""
        again = self._task.max_attempts > 1
        how = interruption.by_outage(self._attempt, traces, told, repeatable=again)
        if how == Status.FAILED:
            reason = interruption.NOT_AGAIN
            return Outcome(status=Status.FAILED, reason=reason, error=told, raises=error)
        if how == Status.CANCELLED:
            return Outcome(status=Status.CANCELLED, error=told, raises=Ignore())
        raise Ignore

    def _soft_limit(self) -> float | None:
        _, soft = self._task.request.timelimit or (None, None)
        return soft or self._task.soft_time_limit

    def _out_of_time(self) -> bool:
        hard, _ = self._task.request.timelimit or (None, None)
        limit: float | None = hard or self._task.time_limit
        return limit is not None and time.monotonic() - self._begun > limit - 0.5


def _traces(reporter: Reporter, progress: Progress) -> Traces:
    return Traces(**reporter.record.said(progress))

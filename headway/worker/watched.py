"""What logs and traces are told of an attempt."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from headway import logs, tracing
from headway.kinds import celery_options
from headway.models import Attempt

TRACE = ("traceparent", "tracestate", "baggage")
"""Headers of a message that name the span below which it was sent (W3C Trace Context)."""


@contextmanager
def attempt(request: Any, attempt: Attempt) -> Iterator[None]:
    """Within it, lines of the log name the job and the web request that started it, and all is a
    span below that which sent the message, or started the job."""
    job, number = attempt.job, attempt.number
    stored = celery_options.headers(job.options)
    sent = {name: found for name in TRACE if (found := getattr(request, name, None))}
    who = {
        "job_id": job.pk,
        "user_id": job.owner_id,
        "request_id": stored.get(celery_options.REQUEST),
    }
    told = {"kind": job.kind, "job": str(job.pk), "attempt": number}
    with logs.about(attempt=number, **who), tracing.span("headway.attempt", stored | sent, **told):
        yield

"""Rows in a chosen state, without anything being published."""

from datetime import UTC, datetime, timedelta
from typing import Any

from headway.lifecycle import lease
from headway.models import Attempt, Job
from tests.jobs import kinds as tasks_of_the_tests


def queued(**columns: Any) -> Job:
    """A job as its start leaves it, published ten seconds ago."""
    assert tasks_of_the_tests
    job = Job.objects.create(kind="add", title="Add", params={"a": 1}, queue="celery")
    return changed(job, **{"published_at": ago(10), "created_at": ago(10)} | columns)


def running(**columns: Any) -> tuple[Job, Attempt]:
    """A job that a worker has just claimed, and its attempt."""
    job = queued(max_attempts=columns.pop("max_attempts", 1))
    attempt = lease.claim(job.pk, "worker@test/1")
    assert attempt is not None
    return changed(job, **columns), attempt


def changed(job: Job, **columns: Any) -> Job:
    """The job with other columns."""
    if columns:
        Job.objects.filter(pk=job.pk).update(**columns)
    return Job.objects.get(pk=job.pk)


def ago(seconds: float) -> datetime:
    """So many seconds before now."""
    return datetime.now(UTC) - timedelta(seconds=seconds)

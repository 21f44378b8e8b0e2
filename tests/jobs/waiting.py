"""Waiting for jobs, and reading what the log holds of them."""

import json
from typing import Any

from headway.lifecycle.log import log
from headway.models import TERMINAL, Job
from headway.stream import keys
from tests.support.patience import PATIENCE
from tests.support.processes import wait_until


def reload(job: Job | str) -> Job:
    """The row as it is now."""
    return Job.objects.get(pk=job.pk if isinstance(job, Job) else job)


def until_status(job: Job | str, *statuses: str, seconds: float = PATIENCE) -> Job:
    """Waits until the row has one of `statuses`, and returns it."""

    def look() -> Job | None:
        now = reload(job)
        return now if now.status in statuses else None

    found = wait_until(look, seconds)
    assert found is not None
    return found


def ended(job: Job | str, seconds: float = PATIENCE) -> Job:
    """Waits until the job has ended, and returns it."""
    return until_status(job, *TERMINAL, seconds=seconds)


def events(job: Job) -> list[tuple[str, dict[str, Any]]]:
    """Every (kind, data) in the job's log, oldest first."""
    found = []
    entries: Any = log()._redis.xrange(keys.log(str(job.pk)))
    for _, fields in entries:
        _, kind, data = fields[b"f"].rstrip(b"\n").split(b"\n")
        found.append(
            (kind.removeprefix(b"event: ").decode(), json.loads(data.removeprefix(b"data: ")))
        )
    return found


def states(job: Job) -> list[str]:
    """The statuses in the job's log, oldest first."""
    return [str(data["status"]) for kind, data in events(job) if kind == "state"]

"""Explains why a queued job waits."""

import math
from datetime import UTC, datetime

from headway.lifecycle import turns
from headway.lifecycle.log import glance
from headway.models import Job, Status
from headway.policy import policy
from headway.users import User

OTHERS_OF_OWNER = "Waits for other jobs of the same user"


def why_queued(job: Job) -> str:
    """One sentence on what a queued job waits for; "" for any other job."""
    if job.status != Status.QUEUED:
        return ""
    wait = _seconds_until(job.not_before)
    if wait > 0:
        return f"{'Retry' if job.attempt else 'Starts'} in {_duration(wait)}"
    if job.published_at is None:
        return "Waiting for the queue" if turns.has_come(job) else OTHERS_OF_OWNER
    workers = glance().read(lambda log: log.who_is_alive("worker"))
    if workers is None:
        return "Waiting for the queue"
    if not workers:
        return "No worker is running"
    if not any(job.queue in worker.get("queues", ()) for worker in workers.values()):
        return f"No worker takes jobs from the queue “{job.queue}”"
    earlier = Job.objects.filter(
        status=Status.QUEUED, queue=job.queue, published_at__lt=job.published_at
    )
    # SQLite's clock gives milliseconds, written shorter than our microseconds: before itself
    ahead = earlier.exclude(pk=job.pk).count()
    if ahead:
        return f"{ahead} job{'s' if ahead > 1 else ''} ahead"
    return "Next in line"


def no_worker(user: User, *, about_to_start: bool = False) -> bool:
    """Whether jobs that this person may see are queued, or one is about to be, and no worker runs.
    False where Redis does not answer: then nobody knows."""
    if glance().read(lambda log: log.who_is_alive("worker")) != {}:
        return False
    waiting = policy.visible(Job.objects.filter(status=Status.QUEUED), user)
    return about_to_start or waiting.exists()


def _seconds_until(moment: datetime | None) -> float:
    return (moment - datetime.now(UTC)).total_seconds() if moment else 0.0


def _duration(seconds: float) -> str:
    return f"{math.ceil(seconds)} s" if seconds < 120 else f"{round(seconds / 60)} min"

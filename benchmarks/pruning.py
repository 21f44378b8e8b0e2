"""`python -m benchmarks.pruning fill|prune|start COUNT`: the processes of the benchmark prune. Each
prints a line when it is ready, begins at a line of input, and prints what it found."""

import importlib
import json
import sys
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

LINES = [{"level": "info", "text": f"{number} of 10 steps are done."} for number in range(10)]
PORTION = 5000


def main() -> None:
    """Sets Django up by its environment, and does one part."""
    part, count = sys.argv[1], int(sys.argv[2])
    import django

    django.setup()
    importlib.import_module("progress.celery")
    {"fill": fill, "prune": prune, "start": start}[part](count)


def fill(count: int) -> None:
    """A migrated database with so many jobs that ended 100 days ago, and as many that did not."""
    from django.core.management import call_command

    from headway.models import Attempt, Job

    call_command("migrate", verbosity=0)
    for first in range(0, 2 * count, PORTION):
        days = 100 if first < count else 10
        ended = datetime.now(UTC) - timedelta(days=days)
        number = min(PORTION, (count if first < count else 2 * count) - first)
        params = {"seconds": 20.0, "steps": 100}
        jobs = [
            Job(kind="simulate", title="Simulate", status="succeeded", attempt=1, params=params)
            for _ in range(max(0, number))
        ]
        for job in jobs:
            job.finished_at = job.started_at = ended
        Job.objects.bulk_create(jobs, batch_size=1000)
        Attempt.objects.bulk_create(
            (Attempt(job=job, number=1, started_at=ended, lines=LINES) for job in jobs),
            batch_size=1000,
        )
    _answer({"ready": 1})


def prune(_: int) -> None:
    """Prunes until nothing is left, and times every statement."""
    from headway.lifecycle import database, pruning
    from headway.models import Job

    longest, jobs, pruned = 0.0, 0, 0.0
    deletes = Job.objects.none().__class__.delete

    def counted(rows: Any) -> Any:
        nonlocal jobs
        done = deletes(rows)
        jobs += done[1].get("headway.Job", 0) if rows.model is Job else 0
        return done

    def timed(execute: Callable[..., Any], *given: Any) -> Any:
        nonlocal longest
        began = time.perf_counter()
        try:
            return execute(*given)
        finally:
            longest = max(longest, time.perf_counter() - began)

    setattr(Job.objects.none().__class__, "delete", counted)  # noqa: B010 - mypy forbids the assignment
    database.connection().ensure_connection()
    _answer({"ready": 1})
    sys.stdin.readline()
    began = time.perf_counter()
    with database.connection().execute_wrapper(timed):
        while pruning.prune():
            pass
    pruned = time.perf_counter() - began
    _answer({"seconds": pruned, "longest": longest, "jobs": jobs})


def start(_: int) -> None:
    """Inserts a job ten times a second, as web processes do meanwhile."""
    from headway.models import Job

    ended = threading.Event()
    Job.objects.count()
    _answer({"ready": 1})
    sys.stdin.readline()

    def wait_for_end() -> None:
        sys.stdin.readline()
        ended.set()

    threading.Thread(target=wait_for_end, daemon=True).start()
    longest = 0.0
    while not ended.wait(0.1):
        began = time.perf_counter()
        Job.objects.create(kind="simulate", title="Simulate")
        longest = max(longest, time.perf_counter() - began)
    _answer({"longest": longest})


def _answer(value: dict[str, float]) -> None:
    sys.stdout.write(json.dumps(value) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()

"""`python -m benchmarks.pruning fill|prune|start COUNT`: the processes of the benchmark prune. Each
prints a line when it is ready, begins at a line of input, and prints what it found."""

import importlib
import json
import sys
import threading
import time
from typing import Any

from benchmarks.copies import multiply, settled

LINES = [{"level": "info", "text": f"{number} of 10 steps are done."} for number in range(10)]
OTHERS = 200_000
"""Jobs that are kept, at most."""
TIMES = ("created_at", "started_at", "finished_at")


def main() -> None:
    """Sets Django up by its environment, and does one part."""
    part, count = sys.argv[1], int(sys.argv[2])
    import django

    django.setup()
    importlib.import_module("progress.celery")
    {"fill": fill, "prune": prune, "start": start}[part](count)


def fill(count: int) -> None:
    """A migrated database with so many jobs that ended 100 days ago, and others that did not, each
    with an attempt."""
    from django.core.management import call_command
    from django.db import connection
    from django.utils import timezone

    from headway.models import Attempt, Job

    call_command("migrate", verbosity=0)
    params = {"seconds": 20.0, "steps": 100}
    job = Job.objects.create(
        kind="simulate", title="Simulate", status="succeeded", attempt=1, params=params
    )
    attempt = Attempt.objects.create(
        job=job, number=1, started_at=timezone.now(), status="succeeded", lines=LINES
    )
    lite = connection.vendor == "sqlite"
    multiply(job, count, dict.fromkeys(TIMES, _ago(lite, 100)))
    multiply(job, min(count, OTHERS), dict.fromkeys(TIMES, _ago(lite, 10)))
    named = dict.fromkeys(("started_at", "finished_at"), "s.finished_at")
    others = f"(SELECT * FROM {Job._meta.db_table} WHERE finished_at IS NOT NULL)"  # noqa: S608 - ours
    multiply(attempt, others, {"job_id": "s.id", **named})
    job.delete()
    settled()
    _answer({"ready": 1})


def _ago(lite: bool, days: int) -> str:
    """SQL of a moment so many days and n tenths of a second ago."""
    if lite:
        ago = f"'-' || ({days} * 86400 + s.n / 10.0) || ' seconds'"
        return f"strftime('%Y-%m-%d %H:%M:%f', 'now', {ago}) || '000'"
    return f"now() - ({days} * 86400 + s.n / 10.0) * interval '1 second'"


def prune(_: int) -> None:
    """Prunes until nothing is left, and notes how long each transaction held what it had: from its
    first statement, with which PostgreSQL begins it, or from SQLite's lock, to its commit."""
    from django.db import transaction

    from headway.lifecycle import belongings, database, pruning

    longest, jobs = 0.0, 0
    holds: list[float | None] = []
    begin, end = transaction.Atomic.__enter__, transaction.Atomic.__exit__
    delete = belongings.Plan.delete

    def began(atomic: Any) -> None:
        begin(atomic)  # SQLite waits for its lock here
        lite = database.connection().vendor == "sqlite"
        holds.append(time.perf_counter() if lite else None)

    def executed(execute: Any, *statement: Any) -> Any:
        if holds and holds[-1] is None:
            holds[-1] = time.perf_counter()
        return execute(*statement)

    def ended(atomic: Any, *error: Any) -> None:
        nonlocal longest
        end(atomic, *error)
        if (since := holds.pop()) is not None:
            longest = max(longest, time.perf_counter() - since)

    def counted(*given: Any) -> int:
        nonlocal jobs
        jobs += (done := delete(*given))
        return done

    for owner, name, patch in (
        (transaction.Atomic, "__enter__", began),
        (transaction.Atomic, "__exit__", ended),
        (belongings.Plan, "delete", counted),
    ):
        setattr(owner, name, patch)
    database.connection().ensure_connection()
    database.connection().execute_wrappers.append(executed)
    _answer({"ready": 1})
    sys.stdin.readline()
    begun, used = time.perf_counter(), time.process_time()
    while pruning.prune():
        pass
    took, cpu = time.perf_counter() - begun, time.process_time() - used
    _answer({"seconds": took, "cpu": cpu, "longest": longest, "jobs": jobs})


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

"""A kind of job that leaves a trace of who was at work on it, and when; one that stores rows; and
three bad ones."""

import os
import signal
import time
from pathlib import Path

from django.conf import settings
from django.db import connection, transaction

from headway import job_task, progress
from jobs.models import ImportedRow


def ledger_file() -> Path:
    """Where all runs write."""
    return Path(settings.DATA_DIR) / "ledger"


@job_task(title="Ledger", max_attempts=6)
def ledger(seconds: float = 3, steps: int = 60) -> int:
    """Adds a line for each step: the job, the run, the time."""
    run = f"{os.getpid()}.{time.monotonic_ns()}"
    for step in progress.track(range(steps)):
        with ledger_file().open("a") as file:  # O_APPEND: lines of several processes stay whole
            file.write(f"{progress.job} {run} {time.monotonic()}\n")
        if step % 10 == 0:
            progress.log(f"step {step}")
        time.sleep(seconds / steps)
    return steps


@job_task(title="Writer", max_attempts=2)
def writer(rows: int = 60, seconds: float = 3) -> int:
    """Stores each row together with its checkpoint, and waits for nobody's lock: whatever happens
    to the database, it goes on."""
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA busy_timeout = 200")
    for line in range((progress.restored or 0) + 1, rows + 1):
        with transaction.atomic():
            ImportedRow.objects.create(job_id=str(progress.job), line=line, data={})
            time.sleep(seconds / rows / 2)
            progress.checkpoint(line)
        time.sleep(seconds / rows / 2)
        progress.update(line, rows)
    return rows


@job_task(title="Deadly", max_attempts=2)
def deadly() -> None:
    """Kills its process."""
    progress.log("Goodbye.")
    os.kill(os.getpid(), signal.SIGKILL)


@job_task(title="Stuck", time_limit=3)
def stuck() -> None:
    """Does not come to an end, nor hear that it should."""
    time.sleep(600)


@job_task(title="Hasty", max_attempts=2)
def hasty(seconds: float = 1) -> int:
    """Reports as fast as it can."""
    until, done = time.monotonic() + seconds, 0
    while time.monotonic() < until:
        done += 1
        progress.update(done, message=f"{done} done")
    return done

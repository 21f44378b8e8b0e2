"""A kind of job that leaves a trace of who was at work on it, and when."""

import os
import time
from pathlib import Path

from django.conf import settings

from jobs import job_task, progress


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

"""What a project has that followed celery-progress's tutorial, with one import changed."""

import time
from pathlib import Path
from typing import Any

from celery import Task, shared_task

from headway import celery_progress, job_task
from headway.celery_progress import ProgressRecorder


@shared_task(bind=True)
def add_up(self: Task[Any, Any], count: int, until: str = "") -> int:
    """Records each step; waits before the last one for a file."""
    recorder = ProgressRecorder(self)
    total = 0
    for step in range(count):
        if until and step == count - 1:
            while not Path(until).exists():
                time.sleep(0.05)
        total += step
        recorder.set_progress(step + 1, count, description=f"Step {step + 1}")
    return total


@shared_task(bind=True)
def by_another_name(self: Task[Any, Any]) -> None:
    """Gets at the recorder where nobody sees it before the task runs."""
    recorder = celery_progress.ProgressRecorder(self)
    recorder.set_progress(1, 0)
    recorder.increment_progress(by=2, description="Three")


@job_task(bind=True)
def a_job_that_records(self: Task[Any, Any], count: int) -> None:
    """Was made a job and has kept its recorder."""
    recorder = ProgressRecorder(self)
    recorder.set_progress(0, count)
    for _ in range(count):
        recorder.increment_progress()

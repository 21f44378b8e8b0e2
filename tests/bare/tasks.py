"""The project's jobs."""

import time

from headway import job_task, progress


@job_task(max_attempts=3)
def walk(steps: int = 100, pause: float = 0.1) -> int:
    """Takes some steps, and remembers how far it is."""
    first = progress.restored or 0
    for step in progress.track(range(first, steps), total=steps):
        progress.checkpoint(step)
        time.sleep(pause)
    return first

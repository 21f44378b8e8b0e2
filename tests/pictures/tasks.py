"""A job that stands for those of a shop: it is where a picture wants it to be, and still moves."""

import time

from headway import job_task, progress


@job_task
def work(percent: float, message: str, seconds: float = 300) -> None:
    """Goes to a percentage at once, and from there through the rest in some seconds."""
    begun, first = time.monotonic(), 10 * percent
    while (gone := time.monotonic() - begun) < seconds:
        done = first + (1000 - first) * gone / seconds
        progress.update(round(done), 1000, message)
        time.sleep(0.2)

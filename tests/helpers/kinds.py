"""Tasks that the tests of `headway.testing` run."""

import time
from typing import Any

from celery import Task

from headway import JobError, job_task, progress


@job_task
def invoices_to_send(count: int, pause: float = 0.0, refuse: int = -1) -> dict[str, int]:
    """Says everything that a task can say."""
    progress.phase("Reading", weight=0.1)
    progress.update(0, 1, "Reading the list")
    progress.update(1)
    progress.phase("Sending")
    done = progress.restored or 0
    with progress.result_file("sent.csv") as file:
        for number in progress.track(range(done, count), message="Sending them"):
            if number == refuse:
                raise JobError(f"Invoice {number} has no address.")
            time.sleep(pause)
            file.write(f"{number}\n")
            progress.output(f"{number};")
            progress.checkpoint(number + 1)
    progress.log("All sent")
    progress.warn(7, "no e-mail")
    return {"sent": count - done}


@job_task
def breaks(password: str = "") -> None:
    """Fails in a way that users are not told."""
    raise RuntimeError(f"the password was {password}")


@job_task
def stops_by_itself(count: int) -> dict[str, int]:
    """Returns what it has when it is asked to stop."""
    for number in progress.track(range(count)):
        if progress.cancelled:
            return {"done": number}
    return {"done": count}


@job_task(bind=True, max_retries=2, default_retry_delay=60)
def flaky_fetch(self: Task[Any, Any], failures: int) -> int:
    """Asks Celery for another attempt so many times."""
    if self.request.retries < failures:
        raise self.retry(exc=ConnectionError("away"))
    return int(self.request.retries)

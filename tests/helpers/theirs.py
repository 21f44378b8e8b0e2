"""Tasks of somebody else, who has never heard of us; the tests' project observes some of them."""

import os
import signal
import time
from pathlib import Path
from typing import Any

from celery import Task, shared_task

from headway import observe


@shared_task(bind=True)
def reindex(self: Task[Any, Any], owner: int | None, count: int, until: str = "") -> int:
    """Says how far it is as Celery's own documentation does; waits in the middle for a file."""
    for number in range(count):
        if until and number == count // 2:
            while not Path(until).exists():
                time.sleep(0.05)
        meta = {"current": number + 1, "total": count, "description": f"Page {number + 1}"}
        self.update_state(state="PROGRESS", meta=meta)
    return count


@shared_task
def fails() -> None:
    """Fails."""
    raise RuntimeError("nobody's business")


@shared_task(bind=True, max_retries=3)
def tries_again(self: Task[Any, Any]) -> int:
    """Succeeds at the second attempt."""
    if not self.request.retries:
        raise self.retry(exc=ConnectionError("away"), countdown=0)
    return int(self.request.retries)


@shared_task
def kills_its_process() -> None:
    """As the kernel does when memory runs out."""
    os.kill(os.getpid(), signal.SIGKILL)


@shared_task
def unseen() -> int:
    """Nobody observes this one."""
    return 1


observe(reindex, title="Rebuild the index", owner=lambda owner, *_, **__: owner)
observe("tests.helpers.theirs.fails")
observe("tests.helpers.theirs.tries_again", owner=lambda *_: 1 // 0)
observe(kills_its_process)

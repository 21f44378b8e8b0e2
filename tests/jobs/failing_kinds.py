"""Tasks that fail, hang, run out of time, or take their process with them."""

import os
import resource
import signal
import sys
import time
from typing import Any, Literal

from django.db import connection

from headway import JobError, job_task, progress
from jobs.models import ImportedRow


@job_task(max_attempts=2)
def told_to_end(while_it: Literal["begins", "fails"]) -> None:
    """Its process is told to end where Django does not know yet that a transaction has begun, or
    while the end of the job is being stored."""
    if while_it == "fails":
        connection.execute_wrappers.append(_end_process_instead)
        raise JobError("Wrong.")
    if progress.restored is None:
        progress.checkpoint("begun")
        connection.cursor().execute("BEGIN")
        ImportedRow.objects.create(job_id=str(progress.job), line=1, data={})
        os.kill(os.getpid(), signal.SIGQUIT)


def _end_process_instead(*_: Any) -> None:
    connection.execute_wrappers.remove(_end_process_instead)
    os.kill(os.getpid(), signal.SIGQUIT)


@job_task(time_limit=1)
def blocks() -> None:
    """Hangs and does not let go."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGQUIT, signal.SIGINT})
    time.sleep(60)


@job_task
def hungry() -> None:
    """Takes more memory than there is."""
    before = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (1 << 30, before[1]))
    try:
        bytearray(1 << 31)
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)


@job_task
def broken(text: str = "wrong\nsecond line") -> None:
    """Fails half way."""
    progress.update(1, 2, "half way")
    raise ValueError(text)


@job_task
def refuses() -> None:
    raise JobError("The file is empty.")


@job_task
def unstorable() -> set[int]:
    return {1}


class Odd(BaseException):
    """An exception that is no Exception, as asyncio's CancelledError."""


@job_task
def ends_oddly(how: Literal["exit", "memory", "odd", "large"]) -> str:
    """Ends in a way that would take its process or worker with it, or says too much."""
    if how == "exit":
        sys.exit(3)
    if how == "memory":
        raise MemoryError
    if how == "odd":
        raise Odd("like a cancelled coroutine")
    return "x" * 300_000


@job_task(bind=True, autoretry_for=(ConnectionError,), max_retries=3, default_retry_delay=1)
def flaky(self: Any, failures: int) -> int:
    if self.request.retries < failures:
        raise ConnectionError("the network is gone")
    return int(self.request.retries)


@job_task(bind=True)
def asks_again(self: Any, number: int) -> int:
    """Retries by itself, with other parameters."""
    if number < 2:
        raise self.retry(kwargs={"number": number + 1}, countdown=0)
    return number


@job_task(soft_time_limit=1)
def too_slow() -> None:
    time.sleep(30)


@job_task(soft_time_limit=1)
def late() -> None:
    """Is out of time where Django does not know yet that a transaction has begun."""
    connection.cursor().execute("BEGIN")
    ImportedRow.objects.create(job_id=str(progress.job), line=1, data={})
    time.sleep(30)


@job_task(time_limit=1)
def far_too_slow() -> None:
    time.sleep(30)


@job_task(max_attempts=2)
def kills_its_worker() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


@job_task(max_attempts=2, time_limit=2)
def says_and_dies(how: Literal["killed", "hangs"]) -> str:
    """Its first attempt is killed, or hangs, after it has said how far it is."""
    if progress.restored:
        return "again"
    progress.checkpoint(True)
    progress.phase("Read")
    progress.update(26, 100, "so far")
    progress.warn("row: 7", "is odd")
    progress.log("the last line")
    time.sleep(0.5)  # in which it is written
    if how == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(60)
    return how


@job_task
def resumes() -> Any:
    """Fails the first time, after it has saved where it was."""
    if progress.restored is None:
        progress.checkpoint({"row": 7})
        raise JobError("Interrupted.")
    return progress.restored


@job_task
def writes_and_fails() -> None:
    with progress.result_file("partial.txt") as file:
        file.write("as far as it got")
        raise JobError("Cut short.")


@job_task(stalled_after=2, stop_stalled=True)
def stands_still(moves: float = 0.0) -> None:
    """Says something for a while, and then nothing any more."""
    until = time.monotonic() + moves
    while time.monotonic() < until:
        progress.log("still here")
        time.sleep(0.1)
    time.sleep(600)

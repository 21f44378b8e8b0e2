"""Tasks for tests, as developers write them; the tests' worker loads this module."""

import os
import resource
import signal
import sys
import time
from datetime import date, datetime, timedelta
from datetime import time as time_of_day
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, Literal
from uuid import UUID

from celery import current_app
from django import forms
from django.contrib.auth.models import User
from django.db import connection, transaction
from django.dispatch import receiver

from headway import JobError, Secret, job_task, progress
from headway.models import Job
from headway.signals import job_finished, job_started
from jobs.models import ImportedRow
from tests.jobs import writers

__all__ = ["writers"]  # its tasks come along


class Colour(Enum):
    RED = "red"
    GREEN = "green"


class Size(Enum):
    S = 1
    L = 3


def note(ledger: str, line: str) -> None:
    """Adds one line to a file, as a whole even where two processes do so."""
    with Path(ledger).open("a") as file:
        file.write(f"{line}\n")


@job_task(title="Add two numbers")
def add(a: int, b: int = 1) -> int:
    """Adds two numbers.

    Not shown.
    """
    return a + b


@job_task
def paint(
    colour: Colour, size: Literal[1, 2] = 1, coats: int | None = None, gloss: bool = False
) -> list[Any]:
    return [colour.name, size, coats, gloss]


@job_task
def keyword_only(*, name: str, **extra: Any) -> dict[str, Any]:
    return {"name": name, **extra}


@job_task(max_attempts=2)
def steps(count: int, pause: float = 0.05, ledger: str = "") -> int:
    """Tracks `count` steps and notes each in the ledger, a file that two attempts share."""
    for step in progress.track(range(count)):
        if ledger:
            with Path(ledger).open("a") as file:
                file.write(f"{os.getpid()} {step}\n")
        time.sleep(pause)
    return count


@job_task(max_attempts=3)
def witness(ledger: str, seconds: float) -> None:
    """Notes in the ledger, which all attempts share, that this run of it is alive, until somebody
    says that it is enough; hears nothing of a cancel."""
    run = os.urandom(4).hex()
    for number in range(round(seconds / 0.05)):  # time in which it was frozen does not count
        if Path(f"{ledger}.enough").exists():
            break
        note(ledger, f"{run} {time.monotonic()}")
        progress.log(number)
        time.sleep(0.05)


@job_task
def counts(ledger: str, count: int, pause: float = 0.05) -> int:
    """May run once, but goes on from its checkpoint; notes in the ledger where each run begins."""
    done = progress.restored or 0
    note(ledger, f"from {done}")
    for number in range(done + 1, count + 1):
        time.sleep(pause)
        progress.checkpoint(number)
        progress.update(number, count)
    return count


@job_task(max_attempts=20)
def commits(ledger: str, count: int) -> int:
    """Stores rows one by one, each together with its checkpoint, and notes it after its commit."""
    for line in range((progress.restored or 0) + 1, count + 1):
        with transaction.atomic():
            ImportedRow.objects.create(job_id=str(progress.job), line=line, data={})
            progress.checkpoint(line)
        note(ledger, f"{progress.job} {line}")
        time.sleep(0.01)
        progress.update(line, count)
    return count


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
def hasty(seconds: float) -> int:
    """Reports as fast as it can."""
    until, number = time.monotonic() + seconds, 0
    while time.monotonic() < until:
        number += 1
        progress.update(number, message="x" * 1_000)
    return number


@job_task
def floods(warnings: int, size: int) -> None:
    """Says more at once than is written at once, and ends."""
    for number in range(warnings):
        progress.warn(number, "is odd")
    progress.output("x" * size)


@job_task
def polite() -> str:
    """Works until it is asked to stop, then returns what it has."""
    while not progress.cancelled:
        time.sleep(0.02)
    return "half of it"


@job_task
def deaf(seconds: float) -> str:
    """Never looks whether it is to stop."""
    time.sleep(seconds)
    return "done"


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
def writes_files() -> None:
    with progress.result_file("../rejects ä.csv") as text:
        text.write("größe\r\n")
    with progress.result_file("raw.bin", mode="wb") as raw:
        raw.write(b"\0\1")


@job_task
def writes_and_fails() -> None:
    with progress.result_file("partial.txt") as file:
        file.write("as far as it got")
        raise JobError("Cut short.")


@job_task
def starts_another() -> str:
    return str(add.delay(20, 22).id)


@job_task(stalled_after=2, stop_stalled=True)
def stands_still(moves: float = 0.0) -> None:
    """Says something for a while, and then nothing any more."""
    until = time.monotonic() + moves
    while time.monotonic() < until:
        progress.log("still here")
        time.sleep(0.1)
    time.sleep(600)


@job_task
def takes_all(
    day: date,
    moment: datetime,
    hour: time_of_day,
    span: timedelta,
    price: Decimal,
    key: UUID,
    colour: Colour,
    size: Literal["s", "m"],
    days: list[date],
    sizes: list[Size],
    user: User,
    options: dict[str, Any],
    until: date | None = None,
) -> dict[str, str]:
    """Says what it was given."""
    return {name: repr(value) for name, value in locals().items()}


@job_task
def gives_date() -> date:
    return date(2026, 1, 2)


@job_task
def takes_date(day: date, when: Annotated[date, Secret], note: str) -> list[str]:
    del note
    return [repr(day), repr(when)]


@job_task
def names_as_options(title: str, owner: str, idempotency_key: str, params: str) -> list[str]:
    return [title, owner, idempotency_key, params]


@job_task
def in_blocks(password: str) -> None:
    with progress.phase("Read", 0.5):
        progress.update(1, 1)
    with progress.phase(password, 0.1):
        progress.update(1, 1)
    with progress.phase("Write"):
        progress.update(1, 2)


@job_task
def sends_another() -> str:
    """Sends a task by its name, as code does that has not imported it."""
    return str(current_app.send_task(add.name, (20, 22)).id)


LEDGER = "noted in "


@receiver(job_started)
@receiver(job_finished)
def note_what_is_signalled(job: Job, status: str, **_: Any) -> None:
    """Notes it in the file that a job's title names."""
    if job.title.startswith(LEDGER):
        note(job.title.removeprefix(LEDGER), f"{job.pk} {status}")


class TwoFiles(forms.Form):
    old = forms.FileField()
    new = forms.FileField(required=False)


@job_task(form=TwoFiles)
def compare(old: str, new: str | None = None) -> list[str | None]:
    """Two files, of which one may be missing."""
    return [old, new]

"""Tasks for tests, as developers write them; the tests' worker loads this module."""

import os
import time
from pathlib import Path
from typing import Any

from celery import current_app
from django.db import transaction
from django.dispatch import receiver

from headway import job_task, progress
from headway.models import Job
from headway.signals import job_finished, job_started
from jobs.models import ImportedRow
from tests.jobs import failing_kinds, parameter_kinds, writers

__all__ = ["failing_kinds", "parameter_kinds", "writers"]  # their tasks come along


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
def writes_files() -> None:
    with progress.result_file("../rejects ä.csv") as text:
        text.write("größe\r\n")
    with progress.result_file("raw.bin", mode="wb") as raw:
        raw.write(b"\0\1")


@job_task
def starts_another() -> str:
    return str(add.delay(20, 22).id)


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

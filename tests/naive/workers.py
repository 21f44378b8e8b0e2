"""Faults of workers and of the tasks in them."""

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

from tests.faults.ledger import runs
from tests.naive.builds import Build
from tests.naive.finding import Finding, within
from tests.support.processes import wait_until

GRACE = 2.5
"""Seconds that a process manager gives a worker to end."""


def next_one_runs(build: Build) -> None:
    """Waits until the worker has done a job that was started after all others."""
    job = build.start(ledger=os.devnull, seconds=0.1)
    wait_until(lambda: build.ended(job))


def killed(build: Build, place: Path) -> Iterator[Finding]:
    """The worker is killed with a job in it and another one that it holds until it is due, and a
    third one is cancelled before the next worker."""
    job = build.start(ledger=str(place / "running"), seconds=1.5)
    due = build.start(countdown=1, ledger=str(place / "due"), seconds=0.1)
    wait_until(lambda: runs(place / "running"))
    build.worker.kill()
    unwanted = build.start(ledger=str(place / "unwanted"), seconds=0.1)
    build.cancel(unwanted)
    build.worker.start()
    next_one_runs(build)
    within(build.patience, lambda: build.ended(job) and build.ended(due))
    if not build.ended(job):
        yield "F9", "running for ever"
    if not build.ended(due):
        yield "F23", "is not sent again soon"
    if runs(place / "unwanted"):
        yield "F27", "still runs"


def deployed(build: Build, place: Path) -> Iterator[Finding]:
    """A worker is told to end with a job in it; while there is none, a process dies before it has
    sent a message, and Redis loses all others."""
    job = build.start(ledger=str(place / "running"), seconds=4)
    wait_until(lambda: runs(place / "running"))
    build.worker.stop(GRACE)
    unsent = build.store(ledger=str(place / "unsent"), seconds=0.1)
    lost = [build.start(ledger=str(place / "lost"), seconds=0.1) for _ in range(3)]
    build.valkey.flush()
    build.worker.start()
    next_one_runs(build)
    within(build.patience, lambda: all(build.ended(each) for each in (job, unsent, *lost)))
    if not all(build.ended(each) for each in lost):
        yield "F21", "waits for ever"
    if not build.ended(unsent):
        yield "F5", "waits for ever"
    if not build.ended(job):
        yield "F15", "running for ever"


def unruly(build: Build, place: Path) -> Iterator[Finding]:
    """Processes of the pool are killed, frozen, or never heard of again."""
    jobs = {
        "F11": build.start(ledger=str(place / "killed"), seconds=1),
        "F26": build.start(ledger=str(place / "frozen"), seconds=1),
    }
    wait_until(lambda: runs(place / "killed") and runs(place / "frozen"))
    frozen = build.child(jobs["F26"])
    os.kill(frozen, signal.SIGSTOP)
    os.kill(build.child(jobs["F11"]), signal.SIGKILL)
    jobs["F12"] = build.start("kills-its-worker")
    jobs["F25"] = build.start("far-too-slow")
    jobs["F32"] = build.start("empty")
    try:
        wait_until(lambda: not build.waiting())
        within(build.patience, lambda: all(build.ended(job) for job in jobs.values()))
        for fault, job in jobs.items():
            if not build.ended(job):
                yield fault, "running for ever"
    finally:
        os.kill(frozen, signal.SIGCONT)
    if not build.ended(jobs["F25"]):
        os.kill(build.child(jobs["F25"]), signal.SIGKILL)


def flood(build: Build, place: Path) -> Iterator[Finding]:
    """A task reports as fast as it can."""
    before, begun = _published(build), time.monotonic()
    job = build.start("hasty", seconds=1)
    wait_until(lambda: build.ended(job))
    if (_published(build) - before) / (time.monotonic() - begun) > 100:
        yield "F31", "hundreds of messages a second"


def _published(build: Build) -> int:
    with build.valkey.client() as client:
        return int(client.info("commandstats").get("cmdstat_publish", {}).get("calls", 0))


def cancelled(build: Build, place: Path) -> Iterator[Finding]:
    """A running job is cancelled, and one that has just succeeded."""
    done = build.start(ledger=str(place / "done"), seconds=0.1)
    job = build.start("polite")
    build.child(job)
    wait_until(lambda: build.ended(done))
    build.cancel(done)
    if build.status(done) != "succeeded":
        yield "F29", "a job that succeeded is shown as cancelled"
    build.cancel(job)
    wait_until(lambda: build.ended(job))
    if build.result(job) is None:
        yield "F28", "its partial result is lost"

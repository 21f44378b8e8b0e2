"""Faults between the click and the queue."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import httpx
from django.db import transaction

from tests.faults.ledger import runs
from tests.naive.builds import ANSWER, Build
from tests.naive.finding import Finding, drain, within
from tests.support.processes import wait_until


class RolledBackError(Exception):
    """What a transaction is ended with."""


def refused(build: Build, place: Path) -> Iterator[Finding]:
    """Somebody starts a job while Redis is over its memory limit, and another one while it is
    away. It goes away with a job in the middle."""
    with build.valkey.client() as client:
        client.config_set("maxmemory", 1)
        if build.post() >= 500:
            yield "F43", "an error page"
        full = build.waiting()
        client.config_set("maxmemory", 0)
    job = build.start(ledger=str(place / "ledger"), seconds=1)
    wait_until(lambda: runs(place / "ledger"))
    build.valkey.kill()
    begun = time.monotonic()
    if build.post() >= 500 or time.monotonic() - begun > ANSWER:
        yield "F1", "an error page"
    build.valkey.start()
    within(build.patience, lambda: not build.waiting() and build.ended(job))
    left = build.waiting()
    if left & full:
        yield "F43", "the job never runs"
    if left - full:
        yield "F1", "the job never runs"
    if not build.ended(job):
        yield "F30", "running for ever"


def hung(build: Build, place: Path) -> Iterator[Finding]:
    """The broker hangs while somebody follows a job and another one is started."""
    job = build.start(ledger=str(place / "ledger"), seconds=1)
    with build.connect(job) as stream, ThreadPoolExecutor(1) as thread:
        stream.recv(65536)
        build.valkey.pause()
        try:
            begun = time.monotonic()
            start = thread.submit(build.post)
            time.sleep(0.5)  # in which the request has arrived
            drain(stream)
            if not _answers(build):
                yield "F8", "every other request waits, too"
            if not within(ANSWER - (time.monotonic() - begun), start.done):
                yield "F2", "no answer for as long as it hangs"
            if not within(ANSWER + 1 - (time.monotonic() - begun), lambda: drain(stream)):
                yield "F44", "no sign of life for as long as it hangs"
        finally:
            build.valkey.resume()


def _answers(build: Build) -> bool:
    try:
        return httpx.get(f"{build.web.url}/healthz", timeout=2.5).is_success
    except httpx.TimeoutException:
        return False


def doubled(build: Build, place: Path) -> Iterator[Finding]:
    """A message comes twice, a button is clicked twice, and a start is rolled back."""
    said = {name: str(place / name) for name in ("message", "click", "rollback")}
    job = build.start(ledger=said["message"], seconds=1)
    build.deliver_again(job, ledger=said["message"], seconds=1)
    clicks = build.click_twice(ledger=said["click"], seconds=0.1)
    with suppress(RolledBackError), transaction.atomic():
        build.start(ledger=said["rollback"], seconds=0.1)
        raise RolledBackError
    wait_until(lambda: all(build.ended(each) for each in (job, *clicks)))
    time.sleep(0.5)  # in which another run would be seen
    if len(runs(place / "message")) > 1:
        yield "F3", "runs twice"
        yield "F13", "runs twice"
    if len(clicks) > 1:
        yield "F7", "two jobs"
    if runs(place / "rollback"):
        yield "F4", "a job runs that has no row"

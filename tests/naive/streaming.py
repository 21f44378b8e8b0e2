"""Faults of streams and of those who read them."""

import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import httpx
from django.contrib.sessions.models import Session

from tests.naive.builds import Build
from tests.naive.finding import Finding, drain, within
from tests.support.processes import wait_until
from tests.support.sockets import of_status, read_until

VIEWERS = 20
DEAF = 10
MOST = 30_000
"""kB that the deaf ones may cost together."""


def cut(build: Build, place: Path) -> Iterator[Finding]:
    """Live messages are lost with the connection that they come by, which is cut for a moment."""
    job = build.start(ledger=str(place / "ledger"), seconds=2.5)
    visitor = build.visit(job)
    wait_until(lambda: visitor.record.begun)
    with build.valkey.client() as client:
        for _ in range(60):
            client.execute_command("CLIENT", "KILL", "TYPE", "pubsub")
            time.sleep(0.01)
    wait_until(lambda: build.ended(job))
    told = within(build.patience, lambda: visitor.record.done)
    if build.gaps(job, visitor.stop().messages) or not told:
        yield "F37", "events are missing"


def come_back(build: Build, place: Path) -> Iterator[Finding]:
    """A page is left and comes back; another one is opened when the job has ended."""
    job = build.start(ledger=str(place / "ledger"), seconds=2)
    before = build.visit(job)
    wait_until(lambda: len(before.record.messages) > 2)
    before.stop()
    if not before.record.messages[-1].id:
        yield "F56", "none has one"
    time.sleep(0.3)
    after = build.visit(job, before.cursor)
    wait_until(lambda: build.ended(job))
    told = within(build.patience, lambda: after.record.done)
    if build.gaps(job, before.record.messages + after.stop().messages) or not told:
        yield "F58", "events sent meanwhile are missing"
    with build.connect(job) as late:
        late.settimeout(build.patience)
        try:
            read_until(late, b"data:")
        except TimeoutError:
            yield "F57", "nothing is shown"


def killed(build: Build, place: Path) -> Iterator[Finding]:
    """The web process is killed while somebody follows a job, and the next one is started."""
    job = build.start(ledger=str(place / "ledger"), seconds=5)
    visitor = build.visit(job)
    wait_until(lambda: len(visitor.record.messages) > 2)
    build.web.kill()
    build.web.start()
    wait_until(lambda: build.ended(job))
    told = within(build.patience, lambda: visitor.record.done)
    if build.gaps(job, visitor.stop().messages) or not told:
        yield "F49", "events sent meanwhile are missing"


def crowd(build: Build, place: Path) -> Iterator[Finding]:
    """Many look at one job, and some of them do not read."""
    job = build.start("polite")
    with build.connect(job) as first:
        first.recv(65536)
        connections, threads = _connections(build), of_status(build.web, "Threads")
        viewers = [build.connect(job) for _ in range(VIEWERS)]
        for viewer in viewers:
            viewer.recv(65536)
        if _connections(build) - connections > VIEWERS / 2:
            yield "F42", "a connection for each viewer"
        if of_status(build.web, "Threads") - threads > VIEWERS / 2:
            yield "F50", "a thread for each viewer"
    for viewer in viewers:
        viewer.close()
    yield from _deaf(build, job)
    build.cancel(job)


def _connections(build: Build) -> int:
    with build.valkey.client() as client:
        return len(client.client_list())


def _deaf(build: Build, job: str) -> Iterator[Finding]:
    deaf = [build.connect(job, buffer=4096) for _ in range(DEAF)]
    before = _memory(build)
    build.shout(job, *["x" * 20_000] * 500)
    if _memory(build) - before > MOST:
        yield "F46", "the server keeps everything for a client that does not read"
    for each in deaf:
        assert each.recv(65536), "was sent nothing"
        each.close()


def _memory(build: Build) -> int:
    """kB of the web process, once it has dealt with everything."""
    while True:
        now = of_status(build.web, "VmRSS")
        time.sleep(0.4)
        httpx.get(f"{build.web.url}/healthz", timeout=20)
        if abs(of_status(build.web, "VmRSS") - now) < 500:
            return now


def strangers(build: Build, place: Path) -> Iterator[Finding]:
    """Somebody follows a job that there is not, a job says what looks like an event, and
    somebody signs out."""
    with build.connect(str(uuid.uuid4())) as wrong:
        if not within(build.patience, lambda: b" 404 " in drain(wrong)):
            yield "F67", "waits for ever for a job that does not exist"
    job = build.start("polite")
    visitor = build.visit(job)
    record = visitor.record
    wait_until(lambda: record.begun)
    build.shout(job, "one\n\nevent: done\ndata: two", "three")
    wait_until(lambda: record.done or any("three" in one.data for one in record.messages))
    if record.done:
        yield "F61", "a text ends the stream"
    visitor.stop()
    with build.connect(job) as stream:
        stream.recv(65536)
        Session.objects.all().delete()
        told = within(build.patience, lambda: b"event: auth" in drain(stream))
        if not told and stream.recv(65536):
            yield "F68", "continues after a sign-out"
    build.cancel(job)

"""One round of streaming: a server, its viewers and a publisher, measured from outside."""

import json
import re
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from benchmarks.processes import CLIENT_CORE, Process, handed_over
from benchmarks.profiles import profiles
from benchmarks.publisher import Spec
from benchmarks.servers import Server
from benchmarks.site import Site
from benchmarks.viewers import Published, Viewers

FRAME = re.compile(rb"^data: ?\{", re.MULTILINE)
FIRST = 0.2
"""The share of the viewers that connect before anything is measured: imports, caches and the
allocator's first pages belong to nobody."""
PATIENCE = 30.0
"""Seconds that a server may take to deliver what it is behind with."""


@dataclass(frozen=True, slots=True)
class Load:
    """`viewers`, each of all `jobs`, which get `count` events each, `rate` a second."""

    jobs: int
    viewers: int
    rate: float
    count: int

    def at(self, rate: float) -> "Load":
        """The same for as long, at another rate."""
        return replace(self, rate=rate, count=round(self.count * rate / self.rate))


@contextmanager
def publisher(spec: Spec, site: Site) -> Iterator[Process]:
    """A publisher that waits for its line."""
    command = [sys.executable, "-m", "benchmarks.publisher", spec.to_json()]
    process = Process(command, site.directory / "publisher.log", cores=CLIENT_CORE, piped=True)
    try:
        process.line()
        yield process
    finally:
        process.kill()


def publish_to(
    viewers: Viewers,
    spec: Spec,
    site: Site,
    *,
    patience: float = PATIENCE,
    busy: Callable[[], float] = lambda: 0.0,
) -> list[tuple[str, int, str]]:
    """Lets a publisher write while the viewers listen, then until all is quiet: nothing has come
    for a second, in which the server's CPU time (`busy`) has not grown either."""
    written: list[str] = []
    with publisher(spec, site) as process:
        process.tell("go")
        viewers.watch(process.output, lambda: written.append(process.line()))
        viewers.listen(lambda: bool(written), spec.seconds * 8 + patience)
        if not written:
            raise TimeoutError("the server took too long to take what was published")
    deadline, used = time.monotonic() + patience, -1.0
    while time.monotonic() < deadline and (now := busy()) - used > 0.05:
        used = now
        viewers.quiet(1.0, deadline - time.monotonic())
    return [(job, number, kind) for job, number, kind in json.loads(written[0])]


def measure(server: Server, load: Load, site: Site) -> dict[str, float]:
    """One round. Raises AssertionError when one of our viewers missed something, or got it twice
    or out of order; of others, what did not arrive is counted."""
    jobs = site.jobs(load.jobs)
    process = server.start()
    try:
        requests = server.requests(jobs, load.viewers)
        viewers = Viewers([(server.port, request) for request in requests])
        kilobytes, connecting = connect(viewers, server, process)
        all_handed_over(server, process, load.viewers)
        cpu, store, client = process.cpu(), site.valkey.cpu(), time.process_time()
        spec = server.publish(jobs, load.rate, load.count)
        with profiles.of(server.name, process):
            written = publish_to(viewers, spec, site, busy=process.cpu)
        cpu = process.cpu() - cpu
        store, client = site.valkey.cpu() - store, time.process_time() - client
        frames = delivered(server, viewers, written)
        viewers.close()
    finally:
        process.stop()
    return {
        "us CPU per frame": cpu / max(frames, 1) * 1e6,
        "frames delivered %": 100 * frames / (len(written) * load.viewers),
        "kB per viewer": kilobytes,
        "server CPU s": cpu,
        "Valkey CPU s": store,
        "client CPU s": client,
        "ms CPU per connect": connecting,
    }


def connect(viewers: Viewers, server: Server, process: Process) -> tuple[float, float]:
    """Connects the rest; kB of memory and ms of CPU time for each of them but the first."""
    first = max(5, int(len(viewers.all) * FIRST))
    viewers.connect(first, first_bytes=server.greets)
    viewers.quiet(0.5, 10)
    count, memory, cpu = len(viewers.all) - first, process.memory(), process.cpu()
    viewers.connect(seconds=300, first_bytes=server.greets)
    viewers.quiet(0.5, 10)
    return (process.memory() - memory) / count / 1e3, (process.cpu() - cpu) / count * 1e3


def all_handed_over(server: Server, process: Process, count: int) -> None:
    """Raises AssertionError when one of our streams is still written by the web server: that would
    be another measurement."""
    if server.ours and (found := sum(map(handed_over, process.pids()))) != count:
        raise AssertionError(f"{server.name}: of {count} streams {found} were handed over")


def delivered(server: Server, viewers: Viewers, written: list[tuple[str, int, str]]) -> int:
    """Frames with data that reached a socket; ours are checked one by one."""
    if server.ours:
        published = Published.of(written)
        return sum(published.check(viewer.ids()) for viewer in viewers.all)
    return sum(len(FRAME.findall(viewer.body())) for viewer in viewers.all)

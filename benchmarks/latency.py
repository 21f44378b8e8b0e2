"""From `update()` in a worker to the bytes at a viewer's socket, beside a bare Pub/Sub hop."""

import json
import re
import sys
from collections.abc import Iterable

from benchmarks.processes import SERVER_CORE, Process
from benchmarks.profiles import profiles
from benchmarks.publisher import Spec
from benchmarks.rounds import interleaved
from benchmarks.servers import Ours, Server
from benchmarks.site import Site
from benchmarks.streaming import publish_to
from benchmarks.table import Result, Target, percentiles
from benchmarks.viewers import Published, Viewer, Viewers

SENT = re.compile(rb"sent (\d+)\.")
TICK = 50.0
"""Milliseconds for which a viewer that has just got something may wait for the next."""


class Hop(Server):
    """redis-py's own asyncio subscriber, which writes what it hears to the sockets of its clients:
    the least that a web process in Python has to do."""

    def command(self) -> list[str]:
        module = "benchmarks.rivals.hop"
        return [sys.executable, "-m", module, str(self.port), self.site.redis_url]

    def requests(self, jobs: list[str], count: int) -> list[bytes]:
        return [self.get(f"/{job}") for job in jobs[:count]]

    def publish(self, jobs: list[str], rate: float, count: int) -> Spec:
        return Spec("hops", self.site.redis_url, jobs, rate, count)


class Updated(Ours):
    """Ours, written to by `Reporter.update` as a task does, one viewer for each job."""

    def requests(self, jobs: list[str], count: int) -> list[bytes]:
        cookies = self.site.cookies(count)
        pairs = zip(jobs, cookies, strict=True)
        cursor = self.site.cursor(jobs)
        return [self.get(f"/jobs/{j}/events/?cursor={cursor}", [f"Cookie: {c}"]) for j, c in pairs]

    def publish(self, jobs: list[str], rate: float, count: int) -> Spec:
        return Spec("updates", self.site.redis_url, jobs, rate, count)


def run(site: Site, rounds: int, *, quick: bool) -> Result:
    """Targets: p50 <= 1.3 x the bare hop; p99 <= its p99 + a tick + 15 ms."""
    jobs, count = (5, 3) if quick else (100, 20)
    result = Result("latency", f"update() to the client's socket, {jobs} jobs x 1 viewer", quick)
    servers: list[Server] = [
        Hop("bare Redis Pub/Sub hop", site),
        Updated("ours, Uvicorn", site, under="uvicorn"),
        Updated("ours, Daphne", site, under="daphne"),
    ]
    interleaved(result, servers, rounds, lambda server: _round(server, jobs, count, site))
    hop = result.rows["bare Redis Pub/Sub hop"]
    for name in ("Uvicorn", "Daphne"):
        row = f"ours, {name}"
        result.ratio(f"p50 over the hop, {name}", "ms p50", row, "bare Redis Pub/Sub hop", 1.3)
        if row in result.rows:
            over = result.rows[row]["ms p99"] - hop["ms p99"]
            result.targets.append(Target(f"ms p99 over the hop, {name}", over, TICK + 15))
    return result


def _round(server: Server, count_jobs: int, count: int, site: Site) -> dict[str, float]:
    jobs = site.jobs(count_jobs)
    process = server.start(SERVER_CORE)
    try:
        return _measure(server, process, jobs, count, site)
    finally:
        process.stop()


def _measure(
    server: Server, process: Process, jobs: list[str], count: int, site: Site
) -> dict[str, float]:
    viewers = Viewers([(server.port, each) for each in server.requests(jobs, len(jobs))])
    viewers.connect()
    viewers.quiet(0.5, 5)
    cpu = process.cpu()
    spec = server.publish(jobs, 2.0, count)
    with profiles.of(server.name, process):
        publish_to(viewers, spec, site)
    cpu = process.cpu() - cpu
    found = [millis for viewer in viewers.all for millis in _delays(viewer)]
    for job, viewer in zip(jobs, viewers.all, strict=True):
        _check(server, viewer, job, count)
    viewers.close()
    return {**percentiles(found, "ms"), "updates seen": float(len(found)), "server CPU s": cpu}


def _delays(viewer: Viewer) -> Iterable[float]:
    """Milliseconds on the way, of each message that has come for the first time."""
    seen: set[int] = set()
    for at, piece in viewer.pieces:
        for text in SENT.findall(piece):
            if (sent := int(text)) not in seen:
                seen.add(sent)
                yield at * 1e3 - sent / 1e6


def _check(server: Server, viewer: Viewer, job: str, count: int) -> None:
    """Our viewer's ids rise, and the last thing it saw is its job's last value."""
    if not server.ours:
        return
    Published(frozenset(), frozenset()).check(viewer.ids())
    last = viewer.body().strip().split(b"\n\n")[-1]
    data = json.loads(last.partition(b"\ndata: ")[2])
    if (data["job"], data["current"]) != (job, count):
        raise AssertionError(f"the last value of {job} has not arrived")

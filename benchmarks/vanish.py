"""As many viewers as a process may have descriptors, every second one at the end of a cable that
is pulled: no FIN, no reset. How long until they are gone, is their memory used again, and does
anybody else notice?"""

import json
import shlex
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from benchmarks.processes import CLIENT_CORE, Process, handed_over
from benchmarks.rounds import interleaved
from benchmarks.servers import Ours
from benchmarks.site import Site
from benchmarks.streaming import FIRST, all_handed_over, delivered, publish_to
from benchmarks.table import Result, Target
from benchmarks.viewers import Viewers
from tests.support.island import Island

VIEWERS = 19_000
"""A process may have 20,000 descriptors here."""
TURNS = 2
"""How often they vanish and as many come again: the first turn also fills caches and arenas."""
EVENTS = 10
"""One a second, before the cable is pulled and again after."""
Written = list[tuple[str, int, str]]


def run(site: Site, rounds: int, *, quick: bool) -> Result:
    """Targets: a viewer costs as much as among 10,000; who vanished is gone within a minute; as
    many who come after them fit into the same memory; whoever stays gets every frame."""
    count = 40 if quick else VIEWERS
    result = Result("vanish", f"{count:,} viewers, half of whom vanish without a word", quick)
    servers = [
        Ours("ours, Uvicorn", site, under="uvicorn", address="0.0.0.0"),  # noqa: S104 - the island's side of the cable is no loopback
        Ours("ours, Daphne", site, under="daphne", address="0.0.0.0"),  # noqa: S104 - the same
    ]
    with Island() as island:
        interleaved(result, servers, rounds, lambda each: _round(each, count // 2, site, island))
    for name, kilobytes in (("Uvicorn", 2.0), ("Daphne", 5.0)):
        row = f"ours, {name}"
        result.limit(f"kB per viewer, {name}", "kB per viewer", row, kilobytes)
        result.limit(f"s until they were gone, {name}", "s until they were gone", row, 60.0)
        for measured in filter(None, [result.rows.get(row)]):
            grown = measured["MB, the last time"] / measured["MB, the second time"]
            result.targets.append(Target(f"memory with as many again, {name}", grown, 1.02))
            result.targets.append(
                Target(f"frames missing %, {name}", 100 - measured["frames %"], 0)
            )
    return result


@dataclass
class Shore:
    """A server, the viewers who stay, and the requests of those who come from the island."""

    server: Ours
    process: Process
    site: Site
    island: Island
    near: Viewers
    far: list[bytes]
    written: Written = field(default_factory=list)
    reached: int = 0
    """How many of the others got the last event before the cable was pulled."""

    @contextmanager
    def visited(self) -> Iterator[Process]:
        """While all of them are there."""
        file = self.site.directory / "audience.json"
        file.write_text(json.dumps([self.server.port, [each.decode() for each in self.far]]))
        there = f"ip netns exec {self.island.name} {sys.executable} -m benchmarks.audience"
        command = [*shlex.split(there), self.island.here, str(file)]
        log = self.site.directory / "audience.log"
        self.island.plug_in()
        process = Process(command, log, cores=CLIENT_CORE, piped=True)
        try:
            process.line()
            self.near.quiet(0.2, 10)
            if ended := [each for each in self.near.all if each.ended]:
                last = ended[0].pieces[-1][1]
                raise AssertionError(f"{len(ended)} who stay have ended: {last!r:.300}")
            all_handed_over(self.server, self.process, len(self.near.all) + len(self.far))
            yield process
        finally:
            process.kill()

    def vanish(self, visitors: Process, jobs: list[str]) -> float:
        """Seconds from when the cable was pulled until nothing is left of those behind it."""
        spec = self.server.publish(jobs, 1.0, EVENTS)
        self.written += publish_to(self.near, spec, self.site, busy=self.process.cpu)
        visitors.tell(str(self.written[-1][1]))
        self.reached += int(visitors.line())
        self.island.pull_the_cable()
        began = time.monotonic()
        self.written += publish_to(self.near, spec, self.site)
        self.process.wait_for(lambda: _streams(self.process) == len(self.near.all), 120)
        return time.monotonic() - began


def _round(server: Ours, half: int, site: Site, island: Island) -> dict[str, float]:
    jobs = site.jobs(1)
    process = server.start()
    try:
        requests = server.requests(jobs, 2 * half)
        near = Viewers([(server.port, each) for each in requests[:half]])
        first = max(5, int(half * FIRST))
        near.connect(first)
        before, descriptors = process.memory(), process.open_files("") - first
        near.connect(seconds=300)
        shore = Shore(server, process, site, island, near, requests[half:])
        megabytes, gone = [], []
        for _ in range(TURNS):
            with shore.visited() as visitors:
                megabytes.append(process.memory() / 1e6)
                gone.append(shore.vanish(visitors, jobs))
        with shore.visited():
            megabytes.append(process.memory() / 1e6)
        frames = delivered(server, near, shore.written) / len(shore.written)
        near.close()
        process.wait_for(lambda: _streams(process) == 0)
        left = process.open_files("") - descriptors
    finally:
        process.stop()
    return {
        "MB": megabytes[0],
        "kB per viewer": (megabytes[0] * 1e6 - before) / (2 * half - first) / 1e3,
        "frames %": 50 * (frames + shore.reached / TURNS) / half,
        "s until they were gone": max(gone),
        "MB, the second time": megabytes[1],
        "MB, the last time": megabytes[-1],
        "descriptors +": left,
    }


def _streams(process: Process) -> int:
    return sum(map(handed_over, process.pids()))

"""An hour of both servers at once, with viewers who come and go and jobs that begin and end: does
anything grow, and does anybody miss anything? Raw data: soak.csv in the working directory."""

import asyncio
import csv
import itertools
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.processes import Process, handed_over
from benchmarks.publisher import Spec, event
from benchmarks.servers import Ours
from benchmarks.site import Site
from benchmarks.soaking import Counts, Place, Watcher
from benchmarks.table import Result, Target

JOBS = 20
"""Running at a time."""
EVENTS = 90
"""Of each job, one a second; every tenth is a line of its log."""
SAMPLE = 10.0
"""Seconds from one sample to the next."""
WARM_UP = 0.25
"""The share of the run that is left out of the slopes: imports, caches, the allocator's arenas."""
SAMPLES = Path("soak.csv")
COLUMNS = ("kB", "descriptors", "threads")


@dataclass
class Watched:
    """A server under test, with the places of its viewers and what was sampled of it."""

    server: Ours
    process: Process
    counts: Counts = field(default_factory=Counts)
    samples: list[dict[str, float]] = field(default_factory=list)

    def sample(self, at: float) -> None:
        """Notes what the operating system says of it."""
        pids = self.process.pids()
        self.samples.append(
            {
                "s": round(at, 1),
                "kB": self.process.memory() / 1e3,
                "descriptors": sum(len([*Path(f"/proc/{pid}/fd").iterdir()]) for pid in pids),
                "threads": self.process.threads(),
                "streams": self.counts.open,
                "handed over": sum(map(handed_over, pids)),
                "CPU s": round(self.process.cpu(), 2),
                "frames": self.counts.frames,
            }
        )


def run(site: Site, rounds: int, *, quick: bool) -> Result:
    """Targets: no event missed or repeated, no stream left to the web server, and nothing grows:
    over the hour at most 2 % of the memory, no descriptors besides the sockets, no threads."""
    del rounds  # one long one
    viewers, seconds = (20, 5.0) if quick else (1500, 3600.0)
    work = f"{viewers:,} viewers on each server, {JOBS} jobs at a time, {seconds:.0f} s"
    result = Result("soak", work, quick)
    servers = [Ours(f"ours, {name.title()}", site, under=name) for name in ("daphne", "uvicorn")]
    watched = [Watched(server, server.start()) for server in servers if not server.missing()]
    try:
        asyncio.run(_soak(site, watched, site.cookies(viewers), seconds))
    finally:
        for each in watched:
            each.process.stop()
    for each in watched:
        _judge(result, each)
    _keep(watched, site.directory / SAMPLES if quick else SAMPLES)
    return result


async def _soak(
    site: Site, watched: Sequence[Watched], cookies: Sequence[str], seconds: float
) -> None:
    began = time.monotonic()
    jobs: list[str] = []
    chance = random.Random(1)  # noqa: S311 - the same comings and goings in each run
    stop = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        group.create_task(_work(site, jobs, stop))
        await asyncio.sleep(2)  # until there are jobs to look at
        for each in watched:
            place = Place(each.server, jobs, each.counts, stop, min(60, seconds / 4))
            for cookie in cookies:
                watcher = Watcher(place, cookie, chance)
                group.create_task(watcher.come_and_go(chance.uniform(0, min(60, seconds / 5))))
        while (at := time.monotonic() - began) < seconds:
            await asyncio.sleep(min(SAMPLE, seconds / 10))
            for each in watched:
                each.sample(at)
        stop.set()


async def _work(site: Site, jobs: list[str], stop: asyncio.Event) -> None:
    """Keeps `jobs` the list of those that run, and writes their events as a worker would."""
    async with asyncio.TaskGroup() as group:
        for number in range(JOBS):
            group.create_task(_one_after_another(site, jobs, stop, number / JOBS))


async def _one_after_another(
    site: Site, jobs: list[str], stop: asyncio.Event, share: float
) -> None:
    first = max(1, round(EVENTS * share))  # so that not all end at once
    for begin in itertools.chain([first], itertools.repeat(1)):
        [job] = await asyncio.to_thread(site.jobs, 1)
        jobs.append(job)
        spec = Spec("log", site.redis_url, [job], 1, EVENTS)
        for n in range(begin, EVENTS + 1):
            if stop.is_set():
                return
            site.log.append(job, event(job, n, spec), attempt=1)
            await asyncio.sleep(1)
        jobs.remove(job)
        await asyncio.to_thread(site.finish, job)


def _judge(result: Result, watched: Watched) -> None:
    name, counts = watched.server.name, watched.counts
    steady = watched.samples[int(len(watched.samples) * WARM_UP) :]
    last, busiest = steady[-1], max(steady, key=lambda each: each["streams"])
    slopes = {f"{column} +/h": slope(steady, column) for column in COLUMNS}
    rest = [each | {"rest": each["descriptors"] - each["handed over"]} for each in steady]
    result.rows[name] = {
        "streams at most": busiest["streams"],
        "connects": counts.connects,
        "frames": counts.frames,
        "MB at the end": last["kB"] / 1e3,
        **slopes,
        "descriptors without sockets +/h": slope(rest, "rest"),
        "us CPU per frame": last["CPU s"] / max(1, counts.frames) * 1e6,
    }
    share = sum(each["handed over"] for each in steady) / sum(each["streams"] for each in steady)
    result.targets += [
        Target(f"events missed or repeated, {name}", float(len(counts.faults)), 0.0),
        Target(f"handed over %, {name}", 100 * share, 95.0, at_least=True),
        Target(f"threads +/h, {name}", slopes["threads +/h"], 0.5),
        Target(f"memory +%/h, {name}", 100 * slopes["kB +/h"] / last["kB"], 2.0),
    ]
    result.notes += [f"{name}: {fault}" for fault in counts.faults[:5]]


def slope(samples: Sequence[dict[str, float]], column: str) -> float:
    """What a column gains in an hour, by the least squares of its samples."""
    if len(samples) < 2:
        return 0.0
    mean_at = sum(each["s"] for each in samples) / len(samples)
    mean = sum(each[column] for each in samples) / len(samples)
    below = sum((each["s"] - mean_at) ** 2 for each in samples)
    above = sum((each["s"] - mean_at) * (each[column] - mean) for each in samples)
    return 3600 * above / below if below else 0.0


def _keep(watched: Sequence[Watched], path: Path) -> None:
    """Writes all samples as CSV."""
    with path.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["server", *watched[0].samples[0]])
        for each in watched:
            rows.writerows([each.server.name, *sample.values()] for sample in each.samples)

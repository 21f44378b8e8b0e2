"""An hour of both servers at once, with viewers who come and go and jobs that begin and end: does
anything grow, and does anybody miss anything? Raw data: soak.csv in the working directory. With
`--proxy nginx` the same of a whole installation, and soak-board.csv has what its board shows."""

import asyncio
import csv
import itertools
import random
import time
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks import proxied
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
SAMPLE = 20.0
"""Seconds from one sample to the next."""
WARM_UP = 0.25
"""The share of the run that is left out of the slopes: imports, caches, the allocator's arenas."""
PROXY = ""
"""What `--proxy` says."""
SECONDS = 3600.0
"""What `--seconds` says."""
COLUMNS = ("kB", "descriptors", "threads")


@dataclass
class Watched:
    """A process under test, its viewers, and what was sampled of it."""

    name: str
    process: Process
    counts: Counts
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
    viewers, seconds = (20, 5.0) if quick else (1500, SECONDS)
    soak = Soak(site, seconds, Path(site.directory if quick else "."))
    if PROXY:
        result = Result("soak", f"{2 * viewers:,} viewers through nginx, {soak.work}", quick)
        _behind_nginx(soak, result, 2 * viewers)
    else:
        result = Result("soak", f"{viewers:,} viewers on each server, {soak.work}", quick)
        _bare(soak, result, viewers)
    return result


@dataclass
class Soak:
    """One run: what is watched in it, and where viewers come in."""

    site: Site
    seconds: float
    directory: Path
    """Of its raw data."""
    watched: list[Watched] = field(default_factory=list)
    places: list[Place] = field(default_factory=list)
    jobs: list[str] = field(default_factory=list)
    """Those that run."""
    stop: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def work(self) -> str:
        """In words."""
        return f"{JOBS} jobs at a time, {self.seconds:.0f} s"

    def door(self, server: Ours, step: int, life: float) -> Counts:
        """Viewers come to this server, and are counted there; the other two are as in `Place`."""
        counts = Counts()
        life = min(life, self.seconds / 4)
        self.places.append(Place(server, self.jobs, counts, self.stop, life, step))
        return counts

    async def run(self, work: Coroutine[Any, Any, None], cookies: Sequence[str]) -> None:
        """With a viewer for each cookie in each place; `work` keeps jobs running."""
        began = time.monotonic()
        chance = random.Random(1)  # noqa: S311 - the same comings and goings in each run
        async with asyncio.TaskGroup() as group:
            group.create_task(work)
            while not self.jobs:  # noqa: ASYNC110 - threads start them, and tell nobody
                await asyncio.sleep(0.1)
            watchers = [
                group.create_task(
                    Watcher(place, cookie, chance).come_and_go(
                        chance.uniform(0, min(60, self.seconds / 5))
                    )
                )
                for place in self.places
                for cookie in cookies
            ]
            while (at := time.monotonic() - began) < self.seconds:
                await asyncio.sleep(min(SAMPLE, self.seconds / 10))
                for each in self.watched:
                    each.sample(at)
            self.stop.set()
            for watcher in watchers:
                watcher.cancel()

    def keep(self, name: str) -> None:
        """Writes all samples as CSV."""
        with (self.directory / name).open("w", newline="") as file:
            rows = csv.writer(file)
            rows.writerow(["server", *self.watched[0].samples[0]])
            for each in self.watched:
                rows.writerows([each.name, *sample.values()] for sample in each.samples)


def _bare(soak: Soak, result: Result, viewers: int) -> None:
    servers = [
        Ours(f"ours, {name.title()}", soak.site, under=name) for name in ("daphne", "uvicorn")
    ]
    for server in servers:
        if not server.missing():
            process, counts = server.start(), soak.door(server, step=10, life=60)
            soak.watched.append(Watched(server.name, process, counts))
    try:
        cookies = soak.site.cookies(viewers)
        asyncio.run(soak.run(_work(soak.site, soak.jobs, soak.stop), cookies))
    finally:
        for each in soak.watched:
            each.process.stop()
    soak.keep("soak.csv")
    for each in soak.watched:
        _judge(result, each)
        _judge_viewers(result, each.name, [each])


def _behind_nginx(soak: Soak, result: Result, viewers: int) -> None:
    with proxied.installation(soak.site) as parts:
        counts = soak.door(parts.door, step=proxied.STEPS // 10, life=180)
        processes = {**parts.webs, "nginx": parts.nginx}
        soak.watched += [Watched(name, each, counts) for name, each in processes.items()]
        cookies, began = soak.site.cookies(viewers), time.time()
        work = proxied.keep_running(soak.site, soak.jobs, JOBS, soak.stop)
        asyncio.run(soak.run(work, cookies))
        soak.keep("soak-nginx.csv")
        board = soak.directory / "soak-board.csv"
        columns = parts.prometheus.keep_board(board, began, time.time())
        fired = parts.prometheus.fired(began, time.time())
    for each in soak.watched:
        _judge(result, each)
    _judge_viewers(result, "nginx", soak.watched)
    result.targets.append(Target("alerts", float(len(fired)), 0.0))
    result.notes += [f"{columns} lines on the board", *(f"alert: {name}" for name in fired)]


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
    """Whether a process grows."""
    name, counts = watched.name, watched.counts
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
    result.targets += [
        Target(f"threads +/h, {name}", slopes["threads +/h"], 0.5),
        Target(f"memory +%/h, {name}", 100 * slopes["kB +/h"] / last["kB"], 2.0),
    ]


def _judge_viewers(result: Result, name: str, watched: Sequence[Watched]) -> None:
    """Whether viewers missed anything, and how many of them the web servers had let go of."""
    counts, samples = watched[0].counts, watched[0].samples
    begin = int(len(samples) * WARM_UP)
    handed = sum(sample["handed over"] for each in watched for sample in each.samples[begin:])
    share = handed / sum(sample["streams"] for sample in samples[begin:])
    result.targets += [
        Target(f"events missed or repeated, {name}", float(counts.faults.total()), 0.0),
        Target(f"handed over %, {name}", 100 * share, 95.0, at_least=True),
    ]
    often = counts.faults.most_common(10)
    result.notes += [f"{name}: {count} times {fault}" for fault, count in often]


def slope(samples: Sequence[dict[str, float]], column: str) -> float:
    """What a column gains in an hour, by the least squares of its samples."""
    if len(samples) < 2:
        return 0.0
    mean_at = sum(each["s"] for each in samples) / len(samples)
    mean = sum(each[column] for each in samples) / len(samples)
    below = sum((each["s"] - mean_at) ** 2 for each in samples)
    above = sum((each["s"] - mean_at) * (each[column] - mean) for each in samples)
    return 3600 * above / below if below else 0.0

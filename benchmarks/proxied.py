"""An installation as docs/deploying.md has it: web processes behind nginx, workers, janitors and
PostgreSQL, watched by Prometheus."""

import asyncio
import secrets
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from benchmarks.board import Prometheus
from benchmarks.processes import CORES, Process, free_port, listens
from benchmarks.servers import Ours
from benchmarks.site import Site

RUN_AT_ONCE = 10
"""Jobs, in each of two workers."""
SECONDS = 300.0
"""What a job takes,"""
STEPS = 150
"""in as many steps, with a line in its log after each tenth of them."""
OF_PRODUCTION = {"NUM_PROXIES": "1", "DATABASE_POOL": "10"}
"""What deploy/headway.env sets and the benchmarks' own site does not."""
ROOMY = {
    "main": "worker_rlimit_nofile 20000;",
    "events": "worker_connections 16384;",
}
"""What deploy/nginx.conf asks for above some 300 viewers, in another file."""


@dataclass
class Proxied:
    """All parts of it that run. `door` has the address of nginx."""

    door: Ours
    servers: dict[str, Ours]
    webs: dict[str, Process]
    others: list[Process]
    """Workers and janitors."""
    nginx: Process
    prometheus: Prometheus

    def restart_webs(self) -> None:
        """One after the other, as docs/deploying.md says."""
        for name, server in self.servers.items():
            self.webs[name].stop()
            self.webs[name] = server.start()

    def stop_others(self) -> None:
        """No job is run any more."""
        for process in self.others:
            process.stop()


def missing() -> str:
    """What has to be installed first; "" when nothing is."""
    return Prometheus.missing()


@contextmanager
def installation(site: Site) -> Iterator[Proxied]:
    """Starts everything; ends it after."""
    token = secrets.token_hex(20)
    with ExitStack() as stack:

        def kept(process: Process) -> Process:
            stack.callback(process.stop)
            return process

        environment = OF_PRODUCTION | {"METRICS_TOKEN": token}
        servers = {
            name: Ours(name, site, under=name, settings=environment)
            for name in ("daphne", "uvicorn")
        }
        webs = {name: server.start() for name, server in servers.items()}
        stack.callback(_stop_all, webs)  # those of the end
        others = []
        for number, part in enumerate((_worker, _worker, _janitor, _janitor)):
            log = site.directory / f"part-{number}.log"
            started = Process(part(number), log, cores=set(CORES), environment=OF_PRODUCTION)
            others.append(kept(started))
        door = Ours("nginx", site, port=free_port())
        nginx = kept(_nginx(site, door.port, [server.port for server in servers.values()]))
        ports = {name: server.port for name, server in servers.items()}
        prometheus = Prometheus(site.directory / "prometheus", token, ports)
        kept(prometheus.start())
        yield Proxied(door, servers, webs, others, nginx, prometheus)


def _stop_all(processes: dict[str, Process]) -> None:
    for process in processes.values():
        process.stop()


def _worker(number: int) -> list[str]:
    name = ("--concurrency", str(RUN_AT_ONCE), "--hostname", f"worker-{number}@%h")
    quiet = ("--without-gossip", "--without-mingle")
    return [sys.executable, "-m", "celery", "--quiet", "-A", "progress", "worker", *name, *quiet]


def _janitor(number: int) -> list[str]:
    del number
    return [sys.executable, "manage.py", "janitor"]


def _nginx(site: Site, port: int, targets: list[int]) -> Process:
    from tests.support.nginx import as_documented, write

    directory = site.directory / "nginx"
    directory.mkdir()
    configuration = write(directory, as_documented(port, *targets), **ROOMY)
    process = Process(["nginx", "-c", str(configuration)], directory / "log", cores=set(CORES))
    process.wait_for(lambda: listens(port))
    return process


async def keep_running(site: Site, jobs: list[str], count: int, stop: asyncio.Event) -> None:
    """Keeps `count` jobs of the kind `simulate` active, and `jobs` a list of them."""
    while not stop.is_set():
        for job in await asyncio.to_thread(_ended, jobs):
            jobs.remove(job)
        # The first ones end one after the other
        spread = [SECONDS * (n + 1) / count for n in range(count)]
        whole = [SECONDS] * (count - len(jobs))
        jobs += await asyncio.to_thread(_start, site, whole if jobs else spread)
        await asyncio.sleep(1)


def _ended(jobs: list[str]) -> list[str]:
    from headway.models import ACTIVE, Job

    active = Job.objects.filter(pk__in=jobs, status__in=ACTIVE).values_list("pk", flat=True)
    known = set(map(str, active))
    return [job for job in jobs if job not in known]


def _start(site: Site, lengths: list[float]) -> list[str]:
    from jobs.simulate import simulate

    return [
        str(simulate.start({"seconds": each, "steps": STEPS}, owner=site.user).pk)
        for each in lengths
    ]

"""What a job costs that does nothing, from its start to its end: CPU time of the process that
starts it and of two workers, beside Celery, which stores nothing, and django-celery-results, which
stores one row at the end."""

import contextlib
import importlib.util
import json
import sys
import uuid
from dataclasses import dataclass
from typing import Any

from benchmarks.databases import Database, PostgreSQL, SQLite
from benchmarks.processes import CLIENT_CORE, SERVER_CORE, Process
from benchmarks.rounds import interleaved
from benchmarks.site import Site
from benchmarks.table import Result

START, WHOLE = "ms CPU per start", "ms CPU per job"
OURS = {"delay": "ours, delay()", "start_many": "ours, start_many()"}
THEIRS = {
    "plain": "Celery, delay()",
    "results": "django-celery-results",
    "kept": "django-celery-results, connections kept",
}


@dataclass
class Way:
    """One way to start jobs, with one database."""

    site: Site
    database: Database
    way: str
    count: int
    name: str = ""

    def __post_init__(self) -> None:
        """Its name is that of a row of the table."""
        self.name = _row(self.way, self.database)

    @property
    def swift(self) -> bool:
        """Whether a quick run includes it."""
        return self.way in ("start_many", "results")

    def missing(self) -> str:
        """What has to be installed first."""
        needed = "" if self.way in OURS or self.way == "plain" else "django_celery_results"
        found = not needed or importlib.util.find_spec(needed)
        return "" if found else needed.replace("_", "-")

    def measure(self) -> dict[str, float]:
        """Starts the jobs, waits for their end, and makes sure that all have succeeded."""
        environment = self._environment()
        log = self.site.directory / f"jobs-{uuid.uuid4().hex}.log"
        with contextlib.ExitStack() as stack:

            def run(*command: str, cores: set[int], piped: bool = False) -> Process:
                python = [sys.executable, "-m", *command]
                process = Process(python, log, cores=cores, environment=environment, piped=piped)
                stack.callback(process.stop)
                return process

            migrating = run("django", "migrate", "--verbosity", "0", cores=CLIENT_CORE)
            migrating.wait_for(lambda: not migrating.running, 120) if migrating.running else None
            app = "progress" if self.way in OURS else "benchmarks.rivals.results.celery"
            options = ("--concurrency", "2", "--without-gossip", "--without-mingle")
            worker = run("celery", "--quiet", "-A", app, "worker", *options, cores=SERVER_CORE)
            starter = run(
                "benchmarks.starting", self.way, str(self.count), cores=CLIENT_CORE, piped=True
            )
            return self._measured(starter, worker)

    def _measured(self, starter: Process, worker: Process) -> dict[str, float]:
        json.loads(starter.line())
        worker.wait_for(self._is_idle, 120)
        before = self._costs(worker)
        starter.tell("start")
        start = json.loads(starter.line())[START]
        starter.tell("wait")
        succeeded = json.loads(starter.line())["succeeded"]
        worker.wait_for(self._is_idle, 600)
        costs = {name: cost - before[name] for name, cost in self._costs(worker).items()}
        each = {name: cost / self.count * 1e3 for name, cost in costs.items()}
        if self.way != "plain" and succeeded != self.count + 1:
            raise RuntimeError(f"{succeeded} of {self.count + 1} jobs succeeded: {worker.log}")
        return {
            START: start,
            "ms CPU of workers": each["workers"],
            WHOLE: start + each["workers"],
        } | {
            "ms CPU of Valkey": each["valkey"],
            "ms CPU of the database": each["database"],
        }

    def _costs(self, worker: Process) -> dict[str, float]:
        return {
            "workers": worker.cpu(),
            "valkey": self.site.valkey.cpu(),
            "database": self.database.cpu(),
        }

    def _is_idle(self) -> bool:
        import redis

        queue = "celery" if self.way in OURS else "rival"
        with redis.Redis.from_url(self.site.redis_url) as client:
            waiting: Any = client.llen(queue)
            held: Any = client.hlen("unacked")
        return not waiting and not held

    def _environment(self) -> dict[str, str]:
        ours = self.way in OURS
        settings = "benchmarks.idle.settings" if ours else "benchmarks.rivals.results.settings"
        return {
            "DJANGO_SETTINGS_MODULE": settings,
            "DATABASE_URL": self.database.new(),
            "REDIS_SOCKET": self.site.redis_socket,
            "REDIS_URL": self.site.redis_url,
            "RESULTS": "0" if self.way == "plain" else "1",
            "CONN_MAX_AGE": "60" if self.way == "kept" else "0",
        }


def run(site: Site, rounds: int, *, quick: bool) -> Result:
    """Targets: a start is at most three of Celery's; of many at once, 0.4 ms; a job from start to
    end two of django-celery-results'."""
    count = 20 if quick else 2000
    result = Result("jobs", f"{count:,} jobs that do nothing, two workers", quick=quick)
    with contextlib.nullcontext() if quick else PostgreSQL.open() as server:
        databases: list[Database] = [SQLite(site.directory), *([server] if server else [])]
        if server is None and not quick:
            result.notes.append("PostgreSQL was left out: it is not installed")
        ways = [Way(site, each, way, count) for each in databases for way in OURS | THEIRS]
        interleaved(result, ways, rounds, Way.measure)
        for each in databases:
            _judge(result, each)
    return result


def _row(way: str, database: Database) -> str:
    return f"{(OURS | THEIRS)[way]}, {database.name}"


def _judge(result: Result, database: Database) -> None:
    one, many, plain, results = (
        _row(way, database) for way in ("delay", "start_many", "plain", "results")
    )
    where = database.name
    result.ratio(f"a start over Celery's, {where}", START, one, plain, 3.0)
    result.limit(f"ms for each of many starts, {where}", START, many, 0.4)
    result.ratio(f"a job over django-celery-results, {one}", WHOLE, one, results, 2.0)
    result.ratio(f"a job over django-celery-results, {many}", WHOLE, many, results, 2.0)

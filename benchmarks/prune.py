"""How fast two janitors delete old jobs, and how long one transaction holds its locks meanwhile."""

import contextlib
import json
import sys
import uuid
from dataclasses import dataclass

from benchmarks.databases import Database, PostgreSQL, SQLite
from benchmarks.processes import CLIENT_CORE, SERVER_CORE, Process
from benchmarks.rounds import interleaved
from benchmarks.site import Site
from benchmarks.table import Result

SPEED, LONGEST, HELD = "jobs per s", "ms, longest wait of a start", "ms, longest transaction"
CPU = "ms of CPU for each"
ROWS = 100_000


@dataclass
class Way:
    """So many janitors at one database."""

    site: Site
    database: Database
    janitors: int
    count: int
    name: str = ""

    def __post_init__(self) -> None:
        """Its name is that of a row of the table."""
        many = "two janitors" if self.janitors > 1 else "one janitor"
        self.name = f"{many}, {self.database.name}"

    @property
    def swift(self) -> bool:
        """Whether a quick run includes it."""
        return self.janitors > 1

    def missing(self) -> str:
        """What has to be installed first."""
        return ""

    def measure(self) -> dict[str, float]:
        """Fills a database with old jobs and waits until none is left."""
        environment = {
            "DJANGO_SETTINGS_MODULE": "benchmarks.idle.settings",
            "DATABASE_URL": self.database.new(),
            "REDIS_SOCKET": self.site.redis_socket,
            "REDIS_URL": self.site.redis_url,
            "CONN_MAX_AGE": "60",
        }
        log = self.site.directory / f"prune-{uuid.uuid4().hex}.log"
        with contextlib.ExitStack() as stack:

            def run(*command: str, cores: set[int]) -> Process:
                python = [sys.executable, "-m", *command]
                process = Process(python, log, cores=cores, environment=environment, piped=True)
                stack.callback(process.stop)
                return process

            filling = run("benchmarks.pruning", "fill", str(self.count), cores=CLIENT_CORE)
            json.loads(filling.line())
            janitors = [
                run("benchmarks.pruning", "prune", "0", cores=SERVER_CORE)
                for _ in range(self.janitors)
            ]
            for each in janitors:
                json.loads(each.line())
            starter = run("benchmarks.pruning", "start", "0", cores=CLIENT_CORE)
            json.loads(starter.line())
            used = self.database.cpu()
            for each in (starter, *janitors):
                each.tell("begin")
            found = [json.loads(each.line()) for each in janitors]
            used = self.database.cpu() - used + sum(each["cpu"] for each in found)
            starter.tell("end")
            waits = json.loads(starter.line())
        if sum(each["jobs"] for each in found) != self.count:
            raise RuntimeError(f"{found}: not {self.count} jobs were deleted: {log}")
        return {
            SPEED: self.count / max(each["seconds"] for each in found),
            CPU: used / self.count * 1e3,
            HELD: max(each["longest"] for each in found) * 1e3,
            LONGEST: waits["longest"] * 1e3,
        }


def run(site: Site, rounds: int, *, quick: bool) -> Result:
    """Targets: 2,000 jobs a second; no transaction holds its locks longer than 100 ms."""
    count = 500 if quick else ROWS
    result = Result("prune", f"{count:,} old jobs with an attempt each, deleted", quick=quick)
    with contextlib.nullcontext() if quick else PostgreSQL.open() as server:
        databases: list[Database] = [SQLite(site.directory), *([server] if server else [])]
        ways = [Way(site, each, number, count) for each in databases for number in (1, 2)]
        interleaved(result, ways, rounds, Way.measure)
        for way in ways:
            if way.name in result.rows:
                result.at_least(f"jobs per s, {way.name}", SPEED, way.name, 2000)
                result.limit(f"ms of one transaction, {way.name}", HELD, way.name, 100)
    return result

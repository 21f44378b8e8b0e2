"""The installation that is made to suffer, with every place in it where faults can hit."""

import os
import signal
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.support.pgbouncer import PgBouncer
from tests.support.postgresql import PostgreSQL
from tests.support.processes import Process
from tests.support.proxy import Proxy
from tests.support.redis_server import RedisServer
from tests.support.sentinels import Watched
from tests.support.stack import Janitor, ProcfileProcess, Web, Worker, processes_of_session

TUNED = {
    "DJANGO_SETTINGS_MODULE": "tests.nemesis.settings",
    "JOB_LEASE": "8",
    "JOB_LEASE_RENEW": "2",
    "JOB_REPUBLISH_AFTER": "5",
    "JOB_CANCEL_DEADLINE": "10",
    "STREAM_KEEPALIVE": "5",
    "STREAM_MAX_AGE": "60",
}
"""Waiting times, shortened so that minutes show what otherwise takes hours."""


class Site:
    """Redis, web, two workers and the janitor, with a proxy before Redis and one before web."""

    def __init__(
        self,
        program: str,
        web: type[Web],
        database: PostgreSQL | None,
        only: Collection[str] = (),
        watched: Watched | None = None,
    ) -> None:
        """`database` may fail too; without one it is SQLite, or somebody else's. `only` names the
        faults to suffer, else all. `watched`: Redis is the primary that Sentinels name."""
        self.database, self.only, self.watched = database, only, watched
        self.alone, self.replica = RedisServer(program), RedisServer(program)
        self.to_redis = Proxy(self.alone.port, unavailable=b"")
        url = watched.url if watched else f"redis://127.0.0.1:{self.to_redis.port}/0"
        environment = {**TUNED, "REDIS_URL": url}
        self.web = web(**environment)
        self.to_web = Proxy(self.web.port)
        self.bouncer = PgBouncer(database) if database else None
        """Before the database, for one of the workers."""
        through_it = {"DATABASE_URL": self.bouncer.url("postgres")} if self.bouncer else {}
        self.workers = [Worker(**environment), Worker(**environment, **through_it)]
        self.janitor = Janitor(**environment)
        self.kills = 0
        self.troubles: list[tuple[float, float]] = []
        """When the web process could not answer, for a reason of ours."""
        self.refusals: list[tuple[float, float]] = []
        """When it had to refuse, having no database."""
        self.suffered: list[tuple[float, float, str]] = []
        """When each fault began and ended, and its name."""
        self.failovers: list[tuple[float, float]] = []
        """When the primary went, and when Sentinels had another one."""
        self.accidents: list[str] = []
        """Processes that ended although nobody had killed them."""

    @property
    def redis(self) -> RedisServer:
        """The server that takes writes."""
        return self.watched.primary if self.watched else self.alone

    @property
    def served(self) -> list[ProcfileProcess]:
        """All that a process manager would keep running."""
        return [self.web, *self.workers, self.janitor]

    def start(self) -> None:
        """Starts everything that does not run, and waits until it does."""
        if self.watched:
            self.watched.heal()
        elif not self.alone.running:
            self.alone.start()
        missing = [process for process in self.served if not process.running]
        for process in missing:
            process.begin()
        for process in missing:
            process.await_ready()

    def stop(self) -> None:
        """Ends everything."""
        for process in self.served:
            process.stop()
        self.alone.close()
        self.replica.close()
        self.to_redis.close()
        self.to_web.close()
        if self.bouncer:
            self.bouncer.close()

    def notice(self) -> None:
        """Looks for processes that have ended by themselves."""
        for process in self.served:
            if not process.running:
                self.accidents.append(f"{process.name} ended:\n{process.output[-2000:]}")

    def kill(self, process: Process, number: int = signal.SIGKILL) -> None:
        """Ends a process as an operator, a deploy or the kernel does, its children with it."""
        self.kills += 1
        if number == signal.SIGKILL:
            process.kill()
        else:
            process.stop()

    def kill_child(self, worker: Worker) -> bool:
        """Kills one process of a worker's pool."""
        children = children_of(worker.pid)
        if not children:
            return False
        self.kills += 1
        with suppress(ProcessLookupError):
            os.kill(children[0], signal.SIGKILL)
        return True

    @contextmanager
    def in_trouble(self, *, refuses: bool = False) -> Iterator[None]:
        """While the web process cannot be reached, or will not answer, or refuses."""
        begun = time.monotonic()
        try:
            yield
        finally:
            self.troubles.append((begun, time.monotonic()))
            if refuses:
                self.refusals.append(self.troubles[-1])

    def suffering(self, begun: float, ended: float) -> str:
        """The faults of a span of time."""
        names = [name for start, end, name in self.suffered if begun < end and start < ended]
        return " and ".join(names) or "nothing else"

    def connections(self, process: Process) -> int:
        """To Redis, of a process and its children (Linux, proc(5))."""
        numbers = self.watched.ports if self.watched else {self.to_redis.port}
        ports = tuple(f":{number:04X}" for number in numbers)
        rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
        ours = {f"socket:[{row[9]}]" for row in rows if row[2].endswith(ports)}
        pids = processes_of_session(process.pid)
        return len(ours & {file for pid in pids for file in files_of(pid)})  # forks share some


def files_of(pid: int) -> list[str]:
    """What each descriptor of a process stands for (Linux, proc(5))."""
    found = []
    with suppress(OSError):
        for link in Path(f"/proc/{pid}/fd").iterdir():
            with suppress(OSError):
                found.append(str(link.readlink()))
    return found


def children_of(pid: int) -> list[int]:
    """The processes that one has started (Linux, proc(5))."""
    found = []
    with suppress(OSError):
        for children in Path(f"/proc/{pid}/task").glob("*/children"):
            found += [int(child) for child in children.read_text().split()]
    return found

"""Databases of a benchmark's own: a file, and a PostgreSQL server on a unix socket."""

import os
import shutil
import signal
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol
from urllib.parse import quote

from benchmarks.processes import CLIENT_CORE, Process

PROGRAMS = Path("/usr/lib/postgresql")


class Database(Protocol):
    """Where rows are kept."""

    name: str

    def new(self) -> str:
        """DATABASE_URL of one that is empty."""

    def cpu(self) -> float:
        """Seconds of CPU that processes of its own have used so far."""


class SQLite:
    """Files in a directory; its time is that of the processes that use it."""

    name = "SQLite"

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def new(self) -> str:
        """A file that is not there yet."""
        return f"sqlite:///{self._directory / uuid.uuid4().hex}.sqlite3"

    def cpu(self) -> float:
        """None of its own."""
        return 0.0


class PostgreSQL:
    """A server as Debian configures it. It does not run as root, so root runs it as `postgres`."""

    name = "PostgreSQL"

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._run("initdb", "-D", f"{directory}/data", "--auth=trust", "--username=postgres")
        options = ["-D", f"{directory}/data", "-k", str(directory), "-c", "listen_addresses="]
        log = directory / "server.log"
        self.process = Process(_as_user("postgres", *options), log, cores=CLIENT_CORE)

    @classmethod
    @contextmanager
    def open(cls) -> Iterator["PostgreSQL | None"]:
        """A server that runs; None where there is none to run."""
        if not list(PROGRAMS.glob("*/bin/initdb")):
            yield None
            return
        directory = Path(tempfile.mkdtemp(prefix="progress-bench-"))
        if os.getuid() == 0:
            shutil.chown(directory, "postgres", "postgres")
        server = None
        try:
            server = cls(directory)
            server.process.wait_for(server.answers)
            yield server
        finally:
            if server:
                server.process.stop()
            shutil.rmtree(directory, ignore_errors=True)

    def new(self) -> str:
        """A database that was made just now."""
        name = f"bench_{uuid.uuid4().hex}"
        self._run("createdb", "--host", str(self._directory), "--username", "postgres", name)
        return f"postgresql://postgres@{quote(str(self._directory), safe='')}/{name}"

    def answers(self) -> bool:
        """Whether it takes connections."""
        ask = _as_user("pg_isready", "--quiet", "--host", str(self._directory))
        return subprocess.run(ask, cwd=self._directory, check=False).returncode == 0

    def pause(self) -> None:
        """Hangs, with all its connections open, until `resume`. Its processes are of no group."""
        for pid in self.process.pids():
            os.kill(pid, signal.SIGSTOP)

    def resume(self) -> None:
        """Goes on."""
        for pid in self.process.pids():
            os.kill(pid, signal.SIGCONT)

    def cpu(self) -> float:
        """Of the server, and of all connections so far."""
        return self.process.cpu()

    def _run(self, *command: str) -> None:
        subprocess.run(
            _as_user(*command),
            cwd=self._directory,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            check=True,
            timeout=300,
        )


def spent() -> float:
    """Seconds of CPU that this process and its connection's process in PostgreSQL, on this machine,
    have used so far: what a page costs, whatever else the machine does."""
    from django.db import connection

    if connection.vendor != "postgresql":
        return time.process_time()
    connection.ensure_connection()
    server = connection.connection.info.backend_pid
    return time.process_time() + int(Path(f"/proc/{server}/schedstat").read_text().split()[0]) / 1e9


def _as_user(program: str, *options: str) -> list[str]:
    newest = max(PROGRAMS.glob(f"*/bin/{program}"), key=lambda path: int(path.parts[-3]))
    as_user = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]
    return [*(as_user if os.getuid() == 0 else []), str(newest), *options]

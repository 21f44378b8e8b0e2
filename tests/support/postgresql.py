"""A PostgreSQL server of a test's own, to stop, restart and freeze."""

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.support.patience import PATIENCE
from tests.support.processes import wait_until

PROGRAMS = Path("/usr/lib/postgresql")
MOVED = "moved"
"""In a server's directory, where the data are of the one that has taken its address over."""


class PostgreSQL:
    """One server on a unix socket in its own directory. Debian's packages keep root from running
    it, so root runs it as the user `postgres`."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        """Where clients find it, whichever server answers there."""

    @property
    def data(self) -> Path:
        """The data of the server that answers there now."""
        moved = self.directory / MOVED
        return moved.readlink() if moved.is_symlink() else self.directory

    @classmethod
    def create(cls) -> "PostgreSQL":
        """A new server, which runs. Without the programs tests skip on a laptop, fail in CI."""
        if not list(PROGRAMS.glob("*/bin/initdb")):
            missing = "PostgreSQL is missing: apt-get install postgresql"
            if os.environ.get("CI") == "true":
                pytest.fail(missing)
            pytest.skip(missing)
        server = cls(_directory())
        server._run("initdb", "--auth=trust", "--username=postgres", "--no-sync", "--encoding=UTF8")
        server.start()
        return server

    @property
    def url(self) -> str:
        """What DATABASE_URL is; the tests create the database."""
        return self.address("progress_tests")

    def address(self, database: str) -> str:
        """The URL of one of its databases; `postgres` is there from the beginning."""
        return f"postgresql://postgres@{quote(str(self.directory), safe='')}/{database}"

    def start(self) -> None:
        """Start it and wait until it answers."""
        options = f"-k {self.directory} -c listen_addresses= -c fsync=off -c full_page_writes=off"
        log = str(self.data / "server.log")
        self._run("pg_ctl", "start", "--wait", "--silent", "--log", log, "--options", options)

    def stop(self, mode: str = "immediate") -> None:
        """End it at once; open connections break. With "fast", as an operator does."""
        self._run("pg_ctl", "stop", f"--mode={mode}", "--silent")

    def crash(self, backend: int) -> None:
        """Kill one of its processes: it ends all others, recovers and goes on by itself."""
        os.kill(backend, signal.SIGKILL)

    def await_answer(self) -> None:
        """Until it takes connections."""
        ask = [str(_newest("pg_isready")), "--quiet", "--host", str(self.directory)]
        wait_until(lambda: subprocess.run(ask, check=False).returncode == 0)

    def fail_over(self, pause: float) -> None:
        """A standby takes over its address; for `pause` seconds it does not take writes yet."""
        standby = PostgreSQL(_directory())
        where = ("--host", str(self.directory), "--username", "postgres", "--checkpoint=fast")
        standby._run("pg_basebackup", "--write-recovery-conf", "--no-sync", *where)
        for copied in standby.directory.glob(".s.PGSQL.*"):
            copied.unlink()
        standby.start()
        self.stop("fast")  # which waits until the standby has everything
        standby.stop("fast")
        (standby.directory / MOVED).unlink(missing_ok=True)
        if self.data != self.directory:
            shutil.rmtree(self.data)
        (self.directory / MOVED).unlink(missing_ok=True)
        (self.directory / MOVED).symlink_to(standby.directory)
        self.start()
        time.sleep(pause)
        self._run("pg_ctl", "promote", "--wait", "--silent")

    @property
    def as_its_user(self) -> list[str]:
        """What a command begins with to be run by the server's user, as all of its programs are."""
        as_user = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]
        return as_user if os.getuid() == 0 else []

    def pause(self) -> None:
        """Hang: connections stay open and nothing is answered."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Go on after `pause`."""
        self._signal(signal.SIGCONT)

    def close(self) -> None:
        """End it and leave nothing behind."""
        self.stop()
        shutil.rmtree(self.data, ignore_errors=True)
        shutil.rmtree(self.directory, ignore_errors=True)

    def _signal(self, number: int) -> None:
        leader = int((self.data / "postmaster.pid").read_text().split()[0])
        found = subprocess.run(
            ["ps", "-o", "pid=", "--ppid", str(leader)], capture_output=True, text=True, check=True
        )
        for pid in [leader, *map(int, found.stdout.split())]:
            with contextlib.suppress(ProcessLookupError):  # the leader has ended it meanwhile
                os.kill(pid, number)

    def _run(self, name: str, *arguments: str) -> None:
        subprocess.run(
            [*self.as_its_user, str(_newest(name)), "-D", str(self.data), *arguments],
            cwd=self.data,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            check=True,
            timeout=PATIENCE,
        )


def _newest(program: str) -> Path:
    return max(PROGRAMS.glob(f"*/bin/{program}"), key=lambda path: int(path.parts[-3]))


def _directory() -> Path:
    """A new one that belongs to the server's user."""
    directory = Path(tempfile.mkdtemp(prefix="postgresql-of-tests-"))
    if os.getuid() == 0:
        shutil.chown(directory, "postgres", "postgres")
    return directory

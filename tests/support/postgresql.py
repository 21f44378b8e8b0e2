"""A PostgreSQL server of a test's own, to stop, restart and freeze."""

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.support.patience import PATIENCE

PROGRAMS = Path("/usr/lib/postgresql")


class PostgreSQL:
    """One server on a unix socket in its own directory. Debian's packages keep root from running
    it, so root runs it as the user `postgres`."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    @classmethod
    def create(cls) -> "PostgreSQL":
        """A new server, which runs. Without the programs tests skip on a laptop, fail in CI."""
        if not list(PROGRAMS.glob("*/bin/initdb")):
            missing = "PostgreSQL is missing: apt-get install postgresql"
            if os.environ.get("CI") == "true":
                pytest.fail(missing)
            pytest.skip(missing)
        server = cls(Path(tempfile.mkdtemp(prefix="postgresql-of-tests-")))
        if os.getuid() == 0:
            shutil.chown(server.directory, "postgres", "postgres")
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
        log = str(self.directory / "server.log")
        self._run("pg_ctl", "start", "--wait", "--silent", "--log", log, "--options", options)

    def stop(self) -> None:
        """End it at once; open connections break."""
        self._run("pg_ctl", "stop", "--mode=immediate", "--silent")

    def pause(self) -> None:
        """Hang: connections stay open and nothing is answered."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Go on after `pause`."""
        self._signal(signal.SIGCONT)

    def close(self) -> None:
        """End it and leave nothing behind."""
        self.stop()
        shutil.rmtree(self.directory, ignore_errors=True)

    def _signal(self, number: int) -> None:
        leader = int((self.directory / "postmaster.pid").read_text().split()[0])
        found = subprocess.run(
            ["ps", "-o", "pid=", "--ppid", str(leader)], capture_output=True, text=True, check=True
        )
        for pid in [leader, *map(int, found.stdout.split())]:
            with contextlib.suppress(ProcessLookupError):  # the leader has ended it meanwhile
                os.kill(pid, number)

    def _run(self, name: str, *arguments: str) -> None:
        newest = max(PROGRAMS.glob(f"*/bin/{name}"), key=lambda path: int(path.parts[-3]))
        as_user = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]
        prefix = as_user if os.getuid() == 0 else []
        subprocess.run(
            [*prefix, str(newest), "-D", str(self.directory), *arguments],
            cwd=self.directory,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            check=True,
            timeout=PATIENCE,
        )

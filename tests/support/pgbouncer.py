"""PgBouncer before a test's PostgreSQL, in transaction mode, to end and start again."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.support.postgresql import PostgreSQL
from tests.support.processes import wait_until

PROGRAM = Path("/usr/sbin/pgbouncer")
CONFIGURATION = """
[databases]
* = host={server} port=5432 user=postgres
[pgbouncer]
listen_addr =
unix_socket_dir = {directory}
listen_port = 5432
auth_type = any
pool_mode = transaction
logfile = {directory}/log
ignore_startup_parameters = options, extra_float_digits
"""


class PgBouncer:
    """On a unix socket in a directory of its own, run by the user who runs the server."""

    def __init__(self, server: PostgreSQL) -> None:
        """Without the program tests skip on a laptop, fail in CI."""
        if not PROGRAM.exists():
            missing = "PgBouncer is missing: apt-get install pgbouncer"
            if os.environ.get("CI") == "true":
                pytest.fail(missing)
            pytest.skip(missing)
        self._server = server
        self.directory = Path(tempfile.mkdtemp(prefix="pgbouncer-of-tests-"))
        self._file = self.directory / "pgbouncer.ini"
        text = CONFIGURATION.format(server=server.directory, directory=self.directory)
        self._file.write_text(text)
        if os.getuid() == 0:
            shutil.chown(self.directory, "postgres", "postgres")
            shutil.chown(self._file, "postgres", "postgres")
        self.start()

    def url(self, database: str) -> str:
        """What DATABASE_URL is for who goes through it."""
        return f"postgresql://postgres@{quote(str(self.directory), safe='')}/{database}"

    def start(self) -> None:
        """Start it and wait until it listens."""
        self._process = subprocess.Popen(
            [*self._server.as_its_user, str(PROGRAM), "--quiet", str(self._file)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        wait_until((self.directory / ".s.PGSQL.5432").exists)

    def stop(self) -> None:
        """Kill it, with all connections."""
        self._process.kill()
        self._process.wait()
        (self.directory / ".s.PGSQL.5432").unlink(missing_ok=True)

    def close(self) -> None:
        """End it and leave nothing behind."""
        self.stop()
        shutil.rmtree(self.directory, ignore_errors=True)

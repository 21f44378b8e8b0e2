"""RabbitMQ of a test's own, with all that it keeps in one directory."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest
from kombu import Connection

from tests.support.processes import Process
from tests.support.stack import free_port

SCRIPT = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")
"""Debian's other one changes the user, and drops the environment."""


class RabbitMQ(Process):
    """One node on a port of its own. Takes some seconds to start."""

    def __init__(self) -> None:
        if not SCRIPT.exists():
            missing = "RabbitMQ is missing: apt-get install rabbitmq-server"
            if os.environ.get("CI") == "true":
                pytest.fail(missing)
            pytest.skip(missing)
        self.directory = Path(tempfile.mkdtemp(prefix="rabbitmq-of-tests-"))
        self.port, self._mapper = free_port(), str(free_port())
        self.url = f"amqp://guest:guest@127.0.0.1:{self.port}//"
        (self.directory / "rabbitmq.conf").write_text(f"listeners.tcp.1 = 127.0.0.1:{self.port}\n")
        (self.directory / "plugins").write_text("[].\n")
        super().__init__(
            "rabbitmq",
            [str(SCRIPT)],
            HOME=str(self.directory),
            ERL_EPMD_PORT=self._mapper,
            ERL_EPMD_ADDRESS="127.0.0.1",
            RABBITMQ_NODENAME=f"tests-{self.port}@localhost",
            RABBITMQ_DIST_PORT=str(free_port()),
            RABBITMQ_CONFIG_FILE=str(self.directory / "rabbitmq.conf"),
            RABBITMQ_ENABLED_PLUGINS_FILE=str(self.directory / "plugins"),
            RABBITMQ_MNESIA_BASE=str(self.directory / "mnesia"),
            RABBITMQ_LOG_BASE=str(self.directory / "log"),
            RABBITMQ_PID_FILE=str(self.directory / "pid"),
        )

    def start(self) -> None:
        """Start it and wait until it takes messages."""
        super().start()
        self.wait_for(self.answers)

    def answers(self) -> bool:
        """Whether it lets us in."""
        with Connection(self.url, connect_timeout=2) as connection:
            try:
                connection.connect()
            except connection.connection_errors:
                return False
            return True

    def close(self) -> None:
        """End it, and its port mapper, and leave nothing behind."""
        self.stop(20)
        mapper = ["epmd", "-port", self._mapper, "-kill"]
        subprocess.run(mapper, capture_output=True, check=False)
        shutil.rmtree(self.directory, ignore_errors=True)

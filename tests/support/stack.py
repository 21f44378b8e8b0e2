"""The parts of an installation as tests use them: Valkey, web, worker, janitor."""

import contextlib
import os
import random
import shlex
import signal
import socket
import subprocess
from collections.abc import Iterator
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import TypeVar

import redis
from django.conf import settings
from honcho.environ import parse_procfile

from headway.conf import conf
from headway.lifecycle.log import glance
from headway.ops.embedded_valkey import PRIVATELY, EmbeddedValkey
from headway.stream import Log
from tests.support.processes import Process, wait_until
from tests.support.programs import program

PROCFILE = parse_procfile((Path(settings.BASE_DIR) / "Procfile").read_text()).processes

CHANCE = random.SystemRandom()  # other test processes have the same seed


def free_port() -> int:
    """A port that nobody listens on, below those that the kernel gives to clients: one of them
    could have it by the time a server wants it, or while a server is away."""
    while True:
        port = CHANCE.randrange(16_000, 32_000)
        with socket.socket() as listener, contextlib.suppress(OSError):
            listener.bind(("127.0.0.1", port))
            return port


class Valkey(Process):
    """The embedded server, as `up` runs it; or the program that SERVER_OF_TESTS names."""

    def __init__(self) -> None:
        self.server = EmbeddedValkey(settings.EMBEDDED_VALKEY_DIR, settings.EMBEDDED_VALKEY_SOCKET)
        command = self.server.command
        if name := os.environ.get("SERVER_OF_TESTS"):
            command = [*PRIVATELY, program(name), str(self.server.configuration)]
        super().__init__("valkey", command)

    def start(self) -> None:
        """Start it and wait until it answers."""
        self.server.prepare()
        super().start()
        self.wait_for(self.server.responds)

    @property
    def url(self) -> str:
        """What REDIS_URL is."""
        return self.server.url

    def client(self) -> "redis.Redis":
        """A connection of the test's own."""
        return redis.Redis.from_url(self.url, socket_timeout=5)

    def flush(self) -> None:
        """Lose everything, as FLUSHALL does."""
        with self.client() as client:
            client.flushall()

    def pause(self) -> None:
        """Hang: connections stay open and nothing is answered."""
        self.signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Go on after `pause`; pages of this process need not wait to find out."""
        self.signal(signal.SIGCONT)
        glance.cache_clear()


class ProcfileProcess(Process):
    """A process exactly as the Procfile starts it."""

    def __init__(self, name: str, **environment: str) -> None:
        super().__init__(name, ["/bin/sh", "-c", PROCFILE[name]], **environment)

    def start(self) -> None:
        """Start it and wait until it is of use."""
        self.begin()
        self.await_ready()

    def begin(self) -> None:
        """Start it only, for tests that start several at once or without what it needs."""
        super().start()

    def await_ready(self) -> None:
        """Wait until it is of use."""
        self.wait_for(self.is_present)

    def is_present(self) -> bool:
        """Whether its Redis has a note of a living process of this role."""
        log = Log(self.environment.get("REDIS_URL", conf.REDIS_URL))
        try:
            return bool(log.who_is_alive(self.name))
        finally:
            log.close()


class Worker(ProcfileProcess):
    """A Celery worker with its pool."""

    def __init__(self, **environment: str) -> None:
        super().__init__("worker", **environment)
        self._said_before = 0

    def begin(self) -> None:
        """Start it only."""
        self._said_before = self.output.count(" ready.")
        super().begin()

    def await_ready(self) -> None:
        """Wait until it takes jobs."""
        self.wait_for(lambda: self.output.count(" ready.") > self._said_before)
        super().await_ready()


W = TypeVar("W", bound=Worker)


@contextlib.contextmanager
def with_short_lease(kind: type[W], valkey: Valkey) -> Iterator[W]:
    """A worker of a kind at work, over an empty queue."""
    valkey.flush()
    process = kind(JOB_LEASE="3", JOB_LEASE_RENEW="1")
    process.start()
    yield process
    process.stop()


class Janitor(ProcfileProcess):
    """The janitor, sweeping every second."""

    def __init__(self, **environment: str) -> None:
        super().__init__("janitor", **{"JANITOR_EVERY": "1", **environment})


class Web(ProcfileProcess):
    """Daphne on a port that stays the same over all its lives."""

    def __init__(self, host: str = "127.0.0.1", **environment: str) -> None:
        self.host, self.port = host, free_port()
        self.url = f"http://{host}:{self.port}"
        super().__init__("web", BIND=host, PORT=str(self.port), **environment)

    def await_ready(self) -> None:
        """Wait until it answers."""
        self.wait_for(self.answers)

    def answers(self) -> bool:
        """Whether it answers requests."""
        with contextlib.closing(HTTPConnection(self.host, self.port, timeout=2)) as connection:
            try:
                connection.request("GET", "/healthz")
                return connection.getresponse().status == 200
            except (OSError, HTTPException):
                return False


def processes_of_session(leader: int) -> list[int]:
    """The pids in the session that `leader` leads (as `ps` sees them)."""
    found = subprocess.run(
        shlex.split(f"ps -o pid= -s {leader}"), capture_output=True, text=True, check=False
    )
    return [int(pid) for pid in found.stdout.split()]


__all__ = [
    "Janitor",
    "Process",
    "Valkey",
    "Web",
    "Worker",
    "free_port",
    "processes_of_session",
    "wait_until",
]

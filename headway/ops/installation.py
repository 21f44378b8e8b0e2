"""What `manage.py up` does, from the lock on the data directory to the last process."""

import errno
import fcntl
import json
import os
import shlex
import socket
import sys
import time
from http.client import HTTPConnection, HTTPException
from pathlib import Path

from django.conf import settings
from django.urls import NoReverseMatch, reverse

from headway.ops import processes
from headway.ops.embedded_valkey import EmbeddedValkey, server_binary
from headway.ops.supervisor import Supervisor
from headway.web import sign_in

READY_TIMEOUT = 60.0  # seconds until we say what is missing
MARGIN = 5.0  # seconds beyond WORKER_GRACE until what has not ended is killed
LAST_WORDS = 10.0  # seconds in which the processes of an `up` that was killed end
ANY_ADDRESS = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - where to ask what listens there


class InstallationError(Exception):
    """The installation cannot run; the message is a sentence that says what to do."""


class Installation:
    """Holds a data directory and a port from entering to leaving; `run` does the rest."""

    def __init__(self, data_dir: Path, *, port: int, workers: int) -> None:
        self.data_dir = data_dir
        self.port = port
        self.workers = workers
        self.bind: str = processes.option("BIND")
        self._grace = processes.option("WORKER_GRACE") + MARGIN
        if not 1 <= port <= 65535:
            raise InstallationError(f"--port {port}: use a number from 1 to 65535.")
        if workers < 1:
            raise InstallationError(f"--workers {workers}: use 1 or more.")
        if self._is_embedded:
            server_binary()
        host = settings.ALLOWED_HOSTS[0].lstrip(".") if settings.ALLOWED_HOSTS else "localhost"
        self.host = "localhost" if host == "*" else host
        self.url = f"http://{self.host}:{port}"

    def __enter__(self) -> "Installation":
        lock = self.data_dir / "up.lock"
        lock.touch(mode=0o600)
        self._lock = lock.open("a+")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._lock.seek(0)
            pid = self._lock.read().strip()
            self._lock.close()
            raise InstallationError(
                f"Process {pid} is already running `up` on {self.data_dir}: end it first, or set "
                "DATA_DIR to another directory."
            ) from None
        killed = self._lock.tell() > 0  # who ends in order leaves nothing in it
        self._lock.truncate(0)
        self._lock.write(f"{os.getpid()}\n")
        self._lock.flush()
        self._require_port(LAST_WORDS if killed else 0.0)
        return self

    def __exit__(self, *_: object) -> None:
        self._lock.truncate(0)
        self._lock.close()

    def _require_port(self, patience: float) -> None:
        deadline = time.monotonic() + patience
        while (problem := self._port_problem()) and time.monotonic() < deadline:
            time.sleep(0.1)
        if problem is not None and problem.errno == errno.EADDRINUSE:
            raise InstallationError(
                f"Port {self.port} is taken: end the program that listens there, or choose "
                f"another with --port {self.port + 1}."
            )
        if problem:
            raise InstallationError(f"Port {self.port} on {self.bind}: {problem.strerror}.")

    def _port_problem(self) -> OSError | None:
        family = socket.AF_INET6 if ":" in self.bind else socket.AF_INET
        with socket.socket(family) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((self.bind, self.port))
            except OSError as error:
                return error
        return None

    def run(self) -> None:
        """Start everything, print the URL, and stay until a signal; then end it in order.

        Raises InstallationError when a process cannot be kept running.
        """
        commands = processes.processes()
        with Supervisor() as supervisor:
            if self._start_valkey(supervisor):
                for name, command in commands.items():
                    supervisor.start(name, command, self._environment())
                self._await_ready(supervisor)
                supervisor.run()
            supervisor.say("ending")
            supervisor.end(commands, grace=self._grace)
        if supervisor.failure:
            raise InstallationError(supervisor.failure)

    @property
    def _is_embedded(self) -> bool:
        return bool(getattr(settings, "EMBEDDED_VALKEY", False))

    def _start_valkey(self, supervisor: Supervisor) -> bool:
        if not self._is_embedded:
            return True
        server = EmbeddedValkey(settings.EMBEDDED_VALKEY_DIR, settings.EMBEDDED_VALKEY_SOCKET)
        server.prepare()
        supervisor.start("valkey", f"exec {shlex.join(server.command)}", self._environment())
        return supervisor.run(until=server.responds)

    def _environment(self) -> dict[str, str]:
        path = os.pathsep.join((str(Path(sys.executable).parent), os.environ.get("PATH", "")))
        return {
            **os.environ,
            "DATA_DIR": str(self.data_dir),
            "PATH": path,
            "PORT": str(self.port),
            "PYTHONUNBUFFERED": "1",
            "WORKERS": str(self.workers),
        }

    def _await_ready(self, supervisor: Supervisor) -> None:
        deadline = time.monotonic() + READY_TIMEOUT
        if not supervisor.run(until=lambda: not self._missing() or time.monotonic() > deadline):
            return
        if missing := self._missing():
            supervisor.say(f"not ready after {READY_TIMEOUT:.0f} s: {', '.join(missing)} missing")
        if self._gives_links() and (user := sign_in.first_user_without_password()):
            supervisor.say(f"sign in as {user}, once: {self.url}{sign_in.link_path(user)}")
            if path := sign_in.password_path(user):
                supervisor.say(f"then set a password: {self.url}{path}")
        supervisor.say(f"ready: {self.url}/")

    @staticmethod
    def _gives_links() -> bool:
        """Whether the project has the page for them; one without has users by its own ways."""
        try:
            reverse("sign_in_link", args=("uid", "token"))
        except NoReverseMatch:
            return False
        return True

    def _missing(self) -> list[str]:
        return missing_parts(ANY_ADDRESS.get(self.bind, self.bind), self.port, self.host)


def missing_parts(address: str, port: int, host: str) -> list[str]:
    """The parts of the site `host` that are not ready; a project without our probe is when it
    answers, whatever it says. Asked without the proxy of the environment, which knows no loopback,
    and without following redirects, as to https."""
    connection = HTTPConnection(address, port, timeout=2)
    try:
        headers = {"Host": host, "Accept": "application/json"}
        connection.request("GET", "/readyz", headers=headers)
        answer = connection.getresponse()
        told = json.loads(answer.read())
    except ValueError:
        told = None
    except (OSError, HTTPException):
        return ["web"]
    finally:
        connection.close()
    if not isinstance(told, dict) or not told.keys() >= {"database", "redis"}:
        told = {"web": answer.status < 500}
    return [name for name, there in told.items() if not there]

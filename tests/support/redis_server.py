"""Servers that speak the Redis protocol, of a test's own, to break."""

import shutil
import signal
import tempfile
import time
from pathlib import Path
from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from headway.ops.embedded_valkey import server_binary
from tests.support.processes import Process, wait_until
from tests.support.programs import program
from tests.support.proxy import Proxy
from tests.support.stack import free_port

SOON = ("--repl-diskless-sync-delay", "0")
"""For replicas that need not wait for others."""
PROGRAMS = ("redis-server", "valkey-server")
"""Debian's, and that of the wheel."""


class RedisServer(Process):
    """One server on a port of its own that stays the same over all its lives. It writes its data
    only when it is told to save, and reads it when it starts."""

    def __init__(self, name: str = PROGRAMS[0], *options: str, scheme: str = "redis") -> None:
        """`options` are added to its command line; over TLS (`scheme` "rediss") they must set
        the port, too."""
        self.directory = Path(tempfile.mkdtemp(prefix="redis-of-tests-"))
        self.port = free_port()
        self.url = f"{scheme}://127.0.0.1:{self.port}/0"
        port = ["--port", str(self.port)] if scheme == "redis" else ["--port", "0"]
        tls = ["--tls-port", str(self.port)] if scheme == "rediss" else []
        place = ["--bind", "127.0.0.1", "--dir", str(self.directory)]
        binary = str(server_binary()) if name == PROGRAMS[1] else program(name)
        super().__init__(
            name,
            [binary, *port, *tls, *place, "--save", "", "--loglevel", "warning", *SOON, *options],
        )

    def start(self) -> None:
        """Start it and wait until it has read its data."""
        super().start()
        self.wait_for(self.answers)

    def answers(self) -> bool:
        """Whether it takes commands, or would if one knew its password."""
        try:
            with self.client() as client:
                return bool(client.ping())
        except redis.AuthenticationError:
            return True
        except redis.RedisError:
            return False

    def client(self, **options: Any) -> "redis.Redis":
        """A connection of the test's own, which tries nothing twice."""
        return redis.Redis.from_url(
            self.url, socket_timeout=5, retry=Retry(NoBackoff(), 0), **options
        )

    def set(self, name: str, value: object) -> None:
        """CONFIG SET."""
        with self.client() as client:
            client.config_set(name, str(value))

    def info(self, name: str) -> Any:
        """One value of INFO."""
        with self.client() as client:
            return client.info("everything")[name]

    def save(self) -> None:
        """Write all data to the disk."""
        with self.client() as client:
            client.save()

    def flush(self) -> None:
        """Lose everything."""
        with self.client() as client:
            client.flushall()

    def pause(self) -> None:
        """Hang: connections stay open and nothing is answered."""
        self.signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Go on after `pause`."""
        self.signal(signal.SIGCONT)

    def follow(self, other: "RedisServer") -> None:
        """Become a read-only replica of another server, with all of its data."""
        with self.client() as client:
            client.replicaof("127.0.0.1", str(other.port))
        wait_until(lambda: self.info("master_link_status") == "up")

    def lead(self) -> None:
        """Take writes, as a replica that is promoted does."""
        with self.client() as client:
            client.replicaof("NO", "ONE")

    def close(self) -> None:
        """End it and leave nothing behind."""
        if self.running:
            self.kill()
        shutil.rmtree(self.directory, ignore_errors=True)


def fail_over(old: RedisServer, new: RedisServer, address: Proxy) -> None:
    """A replica takes over the primary's address, without the last writes; the old primary follows
    it. Connections to the old one stay open, and what is written over them is refused."""
    if not new.running:
        new.start()
    new.follow(old)
    new.lead()
    time.sleep(1)  # what is written now is lost
    address.target = new.port
    old.follow(new)

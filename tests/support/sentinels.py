"""A primary, two replicas and the three Sentinels that watch over them, of a test's own."""

from typing import Self

import redis

from tests.support.processes import Process, wait_until
from tests.support.programs import program
from tests.support.redis_server import RedisServer
from tests.support.stack import free_port

SERVICE = "headway"
QUICKLY = """
sentinel monitor {service} 127.0.0.1 {port} 2
sentinel down-after-milliseconds {service} 1000
sentinel failover-timeout {service} 4000
"""
"""Sentinel's own is 30 s until a primary is taken for dead."""
NOT_ALONE = ("--min-replicas-to-write", "1", "--min-replicas-max-lag", "10")
"""As docs/operations.md says: a primary that was replaced while it hung would take writes else, for
some ten seconds, which are lost."""


class Sentinel(Process):
    """One of them, on a port of its own."""

    def __init__(self, watched: RedisServer, number: int, service: str = SERVICE) -> None:
        self.port = free_port()
        configuration = watched.directory / f"sentinel-{number}.conf"
        place = f"port {self.port}\nbind 127.0.0.1\ndir {watched.directory}\n"
        configuration.write_text(place + QUICKLY.format(service=service, port=watched.port))
        command = [program("redis-server"), str(configuration), "--sentinel"]
        super().__init__(f"sentinel-{number}", command)

    def client(self) -> "redis.Redis":
        """A connection of the test's own."""
        return redis.Redis(port=self.port, socket_timeout=5)

    def master(self, service: str = SERVICE) -> dict[str, object]:
        """What it knows of the primary; {} while it does not answer."""
        try:
            with self.client() as client:
                known: dict[str, object] = client.sentinel_master(service)
                return known
        except redis.RedisError:
            return {}


class Watched:
    """All six."""

    def __init__(self) -> None:
        self.servers = [RedisServer("redis-server", *NOT_ALONE) for _ in range(3)]
        self.sentinels = [Sentinel(self.servers[0], number) for number in range(3)]

    @property
    def url(self) -> str:
        """What REDIS_URL is."""
        places = ",".join(f"127.0.0.1:{sentinel.port}" for sentinel in self.sentinels)
        return f"sentinel://{places}/{SERVICE}/0"

    @property
    def primary(self) -> RedisServer:
        """As the Sentinel has it that knows of the last failover."""
        known = [sentinel.master() for sentinel in self.sentinels]
        newest = max(known, key=lambda one: int(str(one.get("config-epoch", -1))))
        return next(server for server in self.servers if server.port == newest.get("port"))

    @property
    def ports(self) -> set[int]:
        """Of the servers."""
        return {server.port for server in self.servers}

    def __enter__(self) -> Self:
        for server in self.servers:
            server.start()
        for replica in self.servers[1:]:
            replica.follow(self.servers[0])
        for sentinel in self.sentinels:
            sentinel.start()
        wait_until(self._know_one_another)
        return self

    def heal(self) -> None:
        """Starts what does not run, and waits until all could bear the next failover."""
        for process in (*self.servers, *self.sentinels):
            if not process.running:
                process.start()
        wait_until(self._are_well, 60)

    def await_another(self, old: RedisServer) -> None:
        """Until a failover is over."""
        wait_until(lambda: self.primary is not old, 30)

    def __exit__(self, *_: object) -> None:
        for process in (*self.sentinels, *self.servers):
            process.kill()
        for server in self.servers:
            server.close()

    def _are_well(self) -> bool:
        primary = self.primary
        roles = {server: self._role(server) for server in self.servers}
        return self._know_one_another() and all(
            role == ("master" if server is primary else primary.port)
            for server, role in roles.items()
        )

    @staticmethod
    def _role(server: RedisServer) -> object:
        """ "master", or the port of the one whose data it has; None while it does not answer."""
        try:
            with server.client() as client:
                found = client.info("replication")
        except redis.RedisError:
            return None
        up = found.get("master_link_status") == "up"
        return found["master_port"] if up else found["role"]

    def _know_one_another(self) -> bool:
        known = [sentinel.master() for sentinel in self.sentinels]
        return all(
            (one.get("num-slaves"), one.get("num-other-sentinels")) == (2, 2) for one in known
        )

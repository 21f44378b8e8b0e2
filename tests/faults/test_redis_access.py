"""Redis behind a password and over TLS, and servers that cannot be used at all."""

import asyncio
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
import trustme
import uvloop
from django.conf import settings
from django.contrib.auth.models import User

from headway.stream import redis_clients
from headway.stream.listener import Listener
from headway.web import tokens
from progress.redis_at_start import refusal
from tests.support.installation import Installation
from tests.support.patience import PATIENCE
from tests.support.person import Person
from tests.support.processes import wait_until
from tests.support.redis_server import RedisServer
from tests.support.sentinels import Sentinel
from tests.support.stack import ProcfileProcess, Web, Worker, free_port

PASSWORD = "s3cret-of-alice"
ACL = f"user alice on >{PASSWORD} ~* &* +@all"


class Secured(RedisServer):
    """Over TLS, with a certificate of an authority of its own, and a password."""

    def __init__(self, directory: Path) -> None:
        authority = trustme.CA()
        certificate = authority.issue_cert("127.0.0.1")
        self.authority = directory / "authority.pem"
        authority.cert_pem.write_to_path(self.authority)
        certificate.cert_chain_pems[0].write_to_path(directory / "chain.pem")
        certificate.private_key_pem.write_to_path(directory / "key.pem")
        files = ["--tls-cert-file", "chain.pem", "--tls-key-file", "key.pem"]
        files += ["--tls-ca-cert-file", "authority.pem", "--tls-auth-clients", "no"]
        options = [str(directory / each) if each.endswith(".pem") else each for each in files]
        users = ["--user", *ACL.removeprefix("user ").split(" "), "--requirepass", "other"]
        super().__init__("redis-server", *options, *users, scheme="rediss")

    def address(
        self, user: str = "alice", password: str = PASSWORD, *, trusted: bool = True
    ) -> str:
        query = f"?ssl_ca_certs={self.authority}" if trusted else ""
        return f"rediss://{user}:{password}@127.0.0.1:{self.port}/0{query}"

    def answers(self) -> bool:
        return "PONG" in self.ask("PING")

    def ask(self, *command: str) -> str:
        secrets = ["--user", "alice", "--pass", PASSWORD, "--no-auth-warning"]
        safely = ["--tls", "--cacert", str(self.authority), "-p", str(self.port)]
        done = subprocess.run(
            ["redis-cli", *safely, *secrets, *command], capture_output=True, text=True, check=False
        )
        return done.stdout


@pytest.fixture
def secured(tmp_path: Path) -> Iterator[Secured]:
    server = Secured(tmp_path)
    server.start()
    yield server
    server.close()


def test_jobs_run_and_stream_over_tls_and_the_password_is_nowhere(
    secured: Secured, transactional_db: None, boss: User
) -> None:
    with (
        Installation(secured, secured.address()) as site,
        Person(site.web.url, tokens.issue(boss)[1]) as person,
    ):
        job = person.start(seconds=1, steps=10)
        stream = person.ask("GET", f"/jobs/{job}/events/", params={"cursor": "0"}).text
        assert "event: progress" in stream
        assert stream.endswith("data: [DONE]\n\n")
        assert person.status(job)["status"] == "succeeded"
        pages = ["/", f"/jobs/{job}/", "/readyz", f"/jobs/{job}/status/"]
        shown = [person.ask("GET", page, headers={"Accept": "text/html"}).text for page in pages]
        secured.kill()
        shown += [person.ask("GET", page, headers={"Accept": "text/html"}).text for page in pages]
        wait_until(lambda: "Redis did not take" in site.janitor.output)
        wait_until(lambda: "Cannot connect" in site.worker.output)
        secured.start()
        wait_until(lambda: person.ask("GET", "/readyz").json()["redis"])
        assert PASSWORD not in site.output + "".join(shown)


async def listen(secured: Secured) -> None:
    """Hears a message over a connection that was made by redis-py, and then of its end."""
    replies: asyncio.Queue[Any] = asyncio.Queue()
    async with (
        asyncio.timeout(PATIENCE),
        redis_clients.async_client(secured.address(), protocol=2) as client,
    ):
        pool: Any = client.connection_pool
        connection = pool.make_connection()
        await connection.connect()
        listener = Listener(connection, replies.put_nowait)
        listener.send(("SUBSCRIBE", "a channel"))
        assert (await replies.get())[0] == b"subscribe"
        long = b"x" * 100_000
        await client.publish("a channel", long)
        assert await replies.get() == [b"message", b"a channel", long]
        secured.kill()
        assert isinstance(await listener.lost, (OSError, redis.ConnectionError))
        await connection.disconnect(nowait=True)


@pytest.mark.parametrize("loop", [asyncio.new_event_loop, uvloop.new_event_loop])
def test_live_messages_come_over_tls_under_each_event_loop(
    secured: Secured, loop: Callable[[], asyncio.AbstractEventLoop]
) -> None:
    with asyncio.Runner(loop_factory=loop) as runner:
        runner.run(listen(secured))


def refusal_of(process: ProcfileProcess) -> str:
    """What a process that is to refuse its settings says before it ends."""
    process.begin()
    try:
        wait_until(lambda: not process.running)
    finally:
        code = process.stop()
    assert code != 0
    assert PASSWORD not in process.output
    return process.output


@pytest.mark.parametrize("role", [Web, Worker])
def test_a_wrong_password_is_told_without_it(secured: Secured, role: type[Web | Worker]) -> None:
    url = secured.address(password=PASSWORD + "x")
    assert "refuses the user or the password" in refusal_of(role(REDIS_URL=url))


def test_a_certificate_that_nobody_vouches_for_is_refused(secured: Secured) -> None:
    url = secured.address(trusted=False)
    assert "?ssl_ca_certs=PATH" in refusal_of(Web(REDIS_URL=url))


def test_the_queue_checks_the_certificate_as_the_log_does() -> None:
    script = "from progress.celery import app; print(app.connection().ssl)"
    for query in ("", "?ssl_ca_certs=/ca.pem"):
        done = subprocess.run(
            ["python", "-c", script],
            cwd=settings.BASE_DIR,
            env=Web(REDIS_URL=f"rediss://127.0.0.1:1/0{query}").surroundings,
            capture_output=True,
            text=True,
            check=True,
        )
        assert "CERT_REQUIRED" in done.stdout


def test_a_read_only_replica_is_refused() -> None:
    primary, replica = RedisServer(), RedisServer()
    try:
        primary.start()
        replica.start()
        replica.follow(primary)
        assert "read-only replica" in refusal_of(Web(REDIS_URL=replica.url))
    finally:
        primary.close()
        replica.close()


def test_a_cluster_is_refused_and_so_is_a_sentinel_by_itself() -> None:
    others = ("--cluster-port", str(free_port()))  # by itself 10,000 more, which clients may have
    cluster = RedisServer("redis-server", "--cluster-enabled", "yes", *others)
    primary = RedisServer()
    sentinel = Sentinel(primary, 1)
    try:
        cluster.start()
        sentinel.start()
        queue = Worker(REDIS_URL=cluster.url)  # Celery's own would be a traceback
        assert "Redis Cluster is not supported" in refusal_of(queue)
        said = refusal("CELERY_BROKER_URL", cluster.url)
        assert said.startswith("CELERY_BROKER_URL: Redis Cluster is not supported")
        wait_until(sentinel.master)
        said = refusal("REDIS_URL", f"redis://127.0.0.1:{sentinel.port}/0")
        assert "sentinel://HOST:26379,HOST:26379/SERVICE/0" in said
    finally:
        sentinel.kill()
        primary.close()
        cluster.close()

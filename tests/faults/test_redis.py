"""Debian's Redis fails in every way there is: jobs go on and finish, no gap goes unnoticed, and all
catches up when it is back. The nemesis does the same to Valkey."""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from django.contrib.auth.models import User

from headway.models import Attempt, Job, Status
from headway.web import tokens
from tests.support import redis_server
from tests.support.installation import Installation
from tests.support.oracles import numbers, overlaps, violations
from tests.support.person import Person
from tests.support.processes import wait_until
from tests.support.proxy import Proxy
from tests.support.redis_server import RedisServer
from tests.support.viewer import Viewer, statuses

HEALED = 5.0
"""Seconds after which all must have caught up."""
SILENCE = 2
"""Seconds of silence after which streams of these tests say that they live."""


class Site(Installation):
    """With a proxy before the server, so that another server can take its address."""

    def __init__(self, server: RedisServer) -> None:
        self.replica = RedisServer(server.name)
        self.proxy = Proxy(server.port, unavailable=b"")
        url = f"redis://127.0.0.1:{self.proxy.port}/0"
        super().__init__(server, url, STREAM_KEEPALIVE=str(SILENCE), JOB_REPUBLISH_AFTER="3")


@pytest.fixture(scope="module")
def site(django_db_setup: None) -> Iterator[Site]:
    with Site(RedisServer()) as site:
        yield site
        site.proxy.close()
        site.replica.close()


@pytest.fixture
def alice(site: Site, transactional_db: None, alice: User) -> Iterator[Person]:
    if not site.server.running:
        site.server.start()
    with Person(site.web.url, tokens.issue(alice)[1]) as person:
        yield person


def restart_and_keep(site: Site) -> None:
    site.server.save()
    site.server.kill()
    time.sleep(1)
    site.server.start()


def restart_and_lose(site: Site) -> None:
    (site.server.directory / "dump.rdb").unlink(missing_ok=True)
    site.server.kill()
    time.sleep(1)
    site.server.start()


def roll_back(site: Site) -> None:
    site.server.save()
    time.sleep(1)
    site.server.kill()
    site.server.start()


def hang(site: Site) -> None:
    site.server.pause()
    time.sleep(5)
    site.server.resume()


def pause_writes(site: Site) -> None:
    with site.server.client() as client:
        client.execute_command("CLIENT PAUSE 3000 WRITE")
    time.sleep(3)


def flush(site: Site) -> None:
    site.server.flush()


def fill(site: Site) -> None:
    site.server.set("maxmemory", 1)
    time.sleep(2)
    site.server.set("maxmemory", 0)


def kill_subscriptions(site: Site) -> None:
    with site.server.client() as client:
        for _ in range(10):
            client.client_kill_filter(_type="pubsub")
            time.sleep(0.3)


def kill_all_connections(site: Site) -> None:
    with site.server.client() as client:
        for _ in range(5):
            client.client_kill_filter(_type="normal", skipme=True)
            time.sleep(0.3)


def fail_over(site: Site) -> None:
    redis_server.fail_over(site.server, site.replica, site.proxy)
    site.server, site.replica = site.replica, site.server


FAULTS = [
    restart_and_keep,
    restart_and_lose,
    roll_back,
    hang,
    pause_writes,
    flush,
    fill,
    kill_subscriptions,
    kill_all_connections,
    fail_over,
]


@pytest.mark.parametrize("fault", FAULTS)
def test_jobs_finish_and_viewers_miss_nothing_unawares_when_redis(
    fault: Callable[[Site], None], site: Site, alice: Person
) -> None:
    running = [alice.start(seconds=4, steps=400) for _ in range(2)]
    viewers = [Viewer(f"{site.web.url}/jobs/{job}/events/", alice.token) for job in running]
    viewers += [Viewer(f"{site.web.url}/jobs/events/", alice.token) for _ in range(2)]
    with ExitStack() as ending:
        for viewer in viewers:
            viewer.start()
            ending.callback(viewer.stop)
        wait_until(lambda: all("running" in statuses(v.record).values() for v in viewers))
        fault(site)
        late = alice.start(seconds=0.5, steps=10)
        every = {*running, late}
        wait_until(lambda: Job.objects.filter(status=Status.SUCCEEDED).count() == 3)
        settled = time.monotonic()
        wait_until(lambda: all(all_ended(viewer) for viewer in viewers), HEALED)
        assert time.monotonic() - settled < HEALED
    assert {str(job.pk) for job in Job.objects.all()} == every
    assert site.server.info("connected_clients") < 40
    check(viewers)


def all_ended(viewer: Viewer) -> bool:
    found = statuses(viewer.record)
    return bool(found) and set(found.values()) == {"succeeded"}


def check(viewers: list[Viewer]) -> None:
    records = [viewer.stop() for viewer in viewers]
    known: dict[str, set[int]] = {}
    for record in records:
        for job, found in numbers(record.messages).items():
            known.setdefault(job, set()).update(found)
    for record in records:
        assert record.faults == []
        assert list(violations(record.messages, known)) == []
        assert record.refused == 0
        assert record.silence < SILENCE + 1
    for row in Job.objects.all():
        attempts = Attempt.objects.filter(job=row, finished_at__isnull=False)
        rows = attempts.values_list("number", "started_at", "finished_at")
        runs = [(n, begun.timestamp(), end.timestamp()) for n, begun, end in rows if end]
        assert list(overlaps(runs)) == []

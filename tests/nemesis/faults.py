"""What goes wrong, each of it for a while; after its fault everything runs and is reachable."""

import random
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext

import redis
from django.db import connection, connections

from tests.nemesis.redis_faults import (
    a_sentinel_is_killed,
    messages_are_forged,
    redis_drops_everybody,
    redis_drops_subscribers,
    redis_fails_over,
    redis_hangs,
    redis_is_flushed,
    redis_is_full,
    redis_is_restarted,
    redis_is_rolled_back,
    redis_loses_all,
    redis_takes_no_writes,
    the_primary_freezes,
    the_primary_is_killed,
    the_primary_is_moved,
    the_way_to_redis_is_closed,
    the_way_to_redis_is_cut,
    the_way_to_redis_stalls,
)
from tests.nemesis.site import Site
from tests.support.locking import held, locked
from tests.support.processes import Process

Fault = Callable[[Site, random.Random], None]


def web_is_killed(site: Site, chance: random.Random) -> None:
    with site.in_trouble():
        site.kill(site.web)
        time.sleep(chance.uniform(0, 2))
        site.start()


def web_is_deployed(site: Site, chance: random.Random) -> None:
    del chance
    with site.in_trouble():
        site.kill(site.web, signal.SIGTERM)
        site.start()


def web_hangs(site: Site, chance: random.Random) -> None:
    with site.in_trouble():
        hang(site.web, chance.uniform(1, 5))


def a_worker_is_killed(site: Site, chance: random.Random) -> None:
    site.kill(chance.choice(site.workers))
    time.sleep(chance.uniform(0, 2))
    site.start()


def a_worker_s_parent_is_killed(site: Site, chance: random.Random) -> None:
    """Its pool dies with it, by the kernel's hand."""
    worker = chance.choice(site.workers)
    worker.signal(signal.SIGKILL)
    time.sleep(chance.uniform(0, 2))
    site.kill(worker)
    site.start()


def a_worker_is_deployed(site: Site, chance: random.Random) -> None:
    site.kill(chance.choice(site.workers), signal.SIGTERM)
    site.start()


def a_child_is_killed(site: Site, chance: random.Random) -> None:
    site.kill_child(chance.choice(site.workers))


def a_worker_hangs(site: Site, chance: random.Random) -> None:
    """At times for longer than its jobs' leases last."""
    worker = chance.choice(site.workers)
    with hanging(site, worker.signal_all):
        time.sleep(chance.choice([2.0, 12.0]))


def the_janitor_is_killed(site: Site, chance: random.Random) -> None:
    site.kill(site.janitor)
    time.sleep(chance.uniform(0, 3))
    site.start()


def the_janitor_hangs(site: Site, chance: random.Random) -> None:
    with hanging(site, site.janitor.signal):
        time.sleep(chance.uniform(1, 5))


def viewers_are_cut_off(site: Site, chance: random.Random) -> None:
    site.to_web.drop(reset=chance.random() < 0.5)


def viewers_get_502(site: Site, chance: random.Random) -> None:
    site.to_web.mode = "502"
    site.to_web.drop()
    time.sleep(chance.uniform(1, 4))
    site.to_web.mode = "pass"


def viewers_get_nothing(site: Site, chance: random.Random) -> None:
    site.to_web.mode = "pause"
    time.sleep(chance.uniform(1, 5))
    site.to_web.mode = "pass"


def the_database_is_locked(site: Site, chance: random.Random) -> None:
    with site.in_trouble(), locked():
        time.sleep(chance.uniform(1, 5))


def the_database_is_restarted(site: Site, chance: random.Random) -> None:
    assert site.database is not None
    with site.in_trouble(refuses=True):
        site.database.stop(chance.choice(["fast", "immediate"]))
        time.sleep(chance.choice([0.0, 3.0, 12.0]))  # at times for longer than leases last
        site.database.start()


def the_database_crashes(site: Site, chance: random.Random) -> None:
    """It ends all sessions when one of them is killed, recovers and goes on."""
    assert site.database is not None
    with site.in_trouble(refuses=True):
        site.database.crash(chance.choice(sessions()))
        time.sleep(1)
        site.database.await_answer()


def the_database_fails_over(site: Site, chance: random.Random) -> None:
    assert site.database is not None
    with site.in_trouble(refuses=True):
        site.database.fail_over(chance.uniform(0, 2))


def sessions_are_ended(site: Site, chance: random.Random) -> None:
    """As `idle_in_transaction_session_timeout` and administrators do."""
    with site.in_trouble(refuses=True):
        found = [session for session in sessions() if chance.random() < 0.7]
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(pid) FROM unnest(%s) AS pid", [found])


def pgbouncer_is_restarted(site: Site, chance: random.Random) -> None:
    assert site.bouncer is not None
    site.bouncer.stop()
    time.sleep(chance.uniform(0, 3))
    site.bouncer.start()


def the_database_hangs(site: Site, chance: random.Random) -> None:
    assert site.database is not None
    with site.in_trouble(refuses=True):
        site.database.pause()
        time.sleep(chance.uniform(1, 5))
        site.database.resume()


FAULTS: list[Fault] = [
    web_is_killed,
    web_is_deployed,
    web_hangs,
    a_worker_is_killed,
    a_worker_s_parent_is_killed,
    a_worker_is_deployed,
    a_child_is_killed,
    a_worker_hangs,
    the_janitor_is_killed,
    the_janitor_hangs,
    redis_is_restarted,
    redis_loses_all,
    redis_is_rolled_back,
    redis_is_flushed,
    redis_is_full,
    redis_takes_no_writes,
    redis_drops_subscribers,
    redis_drops_everybody,
    viewers_are_cut_off,
    viewers_get_502,
    viewers_get_nothing,
    messages_are_forged,
]
OF_ONE_REDIS: list[Fault] = [
    redis_hangs,
    redis_fails_over,
    the_way_to_redis_is_cut,
    the_way_to_redis_stalls,
    the_way_to_redis_is_closed,
]
OF_SENTINELS: list[Fault] = [
    the_primary_is_killed,
    the_primary_freezes,
    the_primary_is_moved,
    a_sentinel_is_killed,
]
OF_SQLITE: list[Fault] = [the_database_is_locked]
OF_POSTGRESQL: list[Fault] = [
    the_database_is_restarted,
    the_database_crashes,
    the_database_fails_over,
    the_database_hangs,
    sessions_are_ended,
    pgbouncer_is_restarted,
]


def faults_of(site: Site) -> list[Fault]:
    """Those that this installation can suffer, and is to."""
    found = FAULTS + (OF_SENTINELS if site.watched else OF_ONE_REDIS)
    found += OF_POSTGRESQL if site.database else []
    found += OF_SQLITE if connection.vendor == "sqlite" else []
    return [fault for fault in found if not site.only or fault.__name__ in site.only]


def inflict(site: Site, chance: random.Random) -> str:
    """One fault, begun and ended; its name."""
    fault, begun = chance.choice(faults_of(site)), time.monotonic()
    try:
        fault(site, chance)
    except redis.RedisError:
        site.start()  # an earlier fault of Redis was not over for the test either
    site.suffered.append((begun, time.monotonic(), fault.__name__))
    return fault.__name__


def sessions() -> list[int]:
    """The processes of PostgreSQL that serve the installation."""
    connections.close_all()  # an earlier fault may have broken ours
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pid FROM pg_stat_activity"
            " WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'"
        )
        return [pid for (pid,) in cursor.fetchall()]


def hang(process: Process, seconds: float) -> None:
    """Stops a process, which keeps its connections, and lets it go on."""
    process.signal(signal.SIGSTOP)
    time.sleep(seconds)
    process.signal(signal.SIGCONT)


@contextmanager
def hanging(site: Site, tell: Callable[[int], None]) -> Iterator[None]:
    """The same for one that may be stopped in the middle of a transaction: SQLite's lock is its own
    for as long, and whoever wants to write waits."""
    tell(signal.SIGSTOP)
    with site.in_trouble() if held() else nullcontext():
        yield
        tell(signal.SIGCONT)

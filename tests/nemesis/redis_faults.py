"""What goes wrong with Redis, alone or watched by Sentinels, and on the way to it."""

import contextlib
import random
import time
from collections.abc import Iterator

import redis

from tests.nemesis.site import Site
from tests.support.forged import TASK, forged
from tests.support.processes import wait_until
from tests.support.redis_server import RedisServer, fail_over
from tests.support.sentinels import SERVICE, Watched


def redis_hangs(site: Site, chance: random.Random) -> None:
    site.redis.pause()
    time.sleep(chance.uniform(1, 8))
    site.redis.resume()


def redis_is_restarted(site: Site, chance: random.Random) -> None:
    site.redis.save()
    restart_redis(site, chance)


def redis_loses_all(site: Site, chance: random.Random) -> None:
    (site.redis.directory / "dump.rdb").unlink(missing_ok=True)
    restart_redis(site, chance)


def redis_is_rolled_back(site: Site, chance: random.Random) -> None:
    site.redis.save()
    time.sleep(chance.uniform(0.5, 3))
    restart_redis(site, chance)


def redis_is_flushed(site: Site, chance: random.Random) -> None:
    del chance
    site.redis.flush()


def redis_is_full(site: Site, chance: random.Random) -> None:
    site.redis.set("maxmemory", 1)
    time.sleep(chance.uniform(1, 4))
    site.redis.set("maxmemory", 0)


def redis_takes_no_writes(site: Site, chance: random.Random) -> None:
    with site.redis.client() as client:
        client.execute_command(f"CLIENT PAUSE {chance.randint(1000, 5000)} WRITE")


def redis_drops_subscribers(site: Site, chance: random.Random) -> None:
    with site.redis.client() as client:
        for _ in range(chance.randint(1, 8)):
            client.client_kill_filter(_type="pubsub")
            time.sleep(0.3)


def redis_drops_everybody(site: Site, chance: random.Random) -> None:
    del chance
    with site.redis.client() as client:
        client.client_kill_filter(_type="normal", skipme=True)


def redis_fails_over(site: Site, chance: random.Random) -> None:
    """Its address moves to a replica, and who was connected to the old one is sent away."""
    if not site.replica.running:
        site.replica.start()
    fail_over(site.alone, site.replica, site.to_redis)
    site.alone, site.replica = site.replica, site.alone
    site.to_redis.drop(reset=chance.random() < 0.5)


def the_primary_is_killed(site: Site, chance: random.Random) -> None:
    del chance
    with failing_over(site) as old:
        site.kill(old)
    old.start()


def the_primary_freezes(site: Site, chance: random.Random) -> None:
    """And believes, when it goes on, that it still is the primary."""
    with failing_over(site) as old:
        old.pause()
    time.sleep(chance.uniform(0, 5))
    old.resume()


def the_primary_is_moved(site: Site, chance: random.Random) -> None:
    """As an operator does, who asks again where no replica was ready to take over."""
    with failing_over(site) as old, chance.choice(watched(site).sentinels).client() as client:

        def moved() -> bool:
            if watched(site).primary is not old:
                return True
            with contextlib.suppress(redis.ResponseError):  # one is under way
                client.execute_command("SENTINEL", "FAILOVER", SERVICE)
            return False

        wait_until(moved, 30, every=5)


def a_sentinel_is_killed(site: Site, chance: random.Random) -> None:
    site.kill(chance.choice(watched(site).sentinels))
    time.sleep(chance.uniform(0, 3))
    site.start()


def the_way_to_redis_is_cut(site: Site, chance: random.Random) -> None:
    site.to_redis.drop(reset=chance.random() < 0.5)


def the_way_to_redis_stalls(site: Site, chance: random.Random) -> None:
    site.to_redis.mode = "pause"
    time.sleep(chance.uniform(1, 6))
    site.to_redis.mode = "pass"


def the_way_to_redis_is_closed(site: Site, chance: random.Random) -> None:
    site.to_redis.mode = "reset"
    site.to_redis.drop(reset=True)
    time.sleep(chance.uniform(1, 6))
    site.to_redis.mode = "pass"


def messages_are_forged(site: Site, chance: random.Random) -> None:
    """By somebody who may write to the queue."""
    with site.redis.client() as client:
        client.lpush("celery", *chance.sample([*forged(TASK)], 100))


def watched(site: Site) -> Watched:
    """Where Sentinels are."""
    assert site.watched is not None
    return site.watched


@contextlib.contextmanager
def failing_over(site: Site) -> Iterator[RedisServer]:
    """The primary, which is not any more at the end."""
    old, begun = site.redis, time.monotonic()
    yield old
    watched(site).await_another(old)
    site.failovers.append((begun, time.monotonic()))


def restart_redis(site: Site, chance: random.Random) -> None:
    server = site.redis
    site.kill(server)
    time.sleep(chance.uniform(0, 3))  # long enough, at times, for Sentinels to choose another one
    server.start()

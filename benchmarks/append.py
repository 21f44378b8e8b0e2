"""What one flush of a reporter costs beside a bare XADD of the same bytes: wall time of one round
trip to a Valkey on a unix socket, calls taking turns."""

import json
import time
from collections.abc import Callable
from typing import Any

from benchmarks.site import Site
from benchmarks.table import Result, percentiles


def run(site: Site, rounds: int, *, quick: bool) -> Result:
    """Target: one flush is at most 1.4 bare XADD round trips."""
    import redis

    from headway.stream import Event, Reporter

    calls = 50 if quick else 2000
    result = Result("append", f"one flush to Valkey, {calls:,} turns")
    [job, other] = site.jobs(2)
    client: Any = redis.Redis.from_url(site.redis_url, socket_timeout=2, socket_connect_timeout=2)
    reporter = Reporter(site.log, job, 1)
    data = {**reporter.progress(), "current": 0}
    text = json.dumps(data, separators=(",", ":"))
    count = iter(range(calls * rounds * 10))

    def flush() -> None:
        reporter.flush(time.monotonic(), last=True)

    def append() -> None:
        event = Event("progress", {**data, "current": next(count)})
        site.log.append(other, event, attempt=1)

    def xadd() -> None:
        client.xadd("bench", {"p": "1770000000000000", "f": text}, maxlen=2000)

    ways: dict[str, Callable[[], None]] = {
        "bare XADD": xadd,
        "ours, Log.append": append,
        "ours, Reporter.flush": flush,
    }
    turns: dict[str, list[dict[str, float]]] = {name: [] for name in ways}
    for _ in range(rounds):
        found: dict[str, list[float]] = {name: [] for name in ways}
        for n in range(calls):
            reporter.update(n, calls)
            for name, way in ways.items():
                began = time.perf_counter()
                way()
                found[name].append((time.perf_counter() - began) * 1e6)
        for name, micros in found.items():
            turns[name].append(percentiles(micros, "us"))
    for name, measured in turns.items():
        result.add(name, measured)
    client.close()
    result.ratio("a flush over XADD", "us p50", "ours, Reporter.flush", "bare XADD", 1.4)
    return result

"""The web process is killed and started again: everybody comes back at once, to go on where they
were. What does it cost to let each in again, and has anybody missed anything?"""

import re
import time

from benchmarks.processes import Process
from benchmarks.profiles import profiles
from benchmarks.rounds import interleaved
from benchmarks.servers import EventStream, Ours, Server
from benchmarks.site import Site
from benchmarks.streaming import all_handed_over, publish_to
from benchmarks.table import Result
from benchmarks.viewers import Published, Viewers

COUNT = re.compile(rb'"current": ?(\d+)')
MISSED = 20
"""Events that are written while nobody serves."""
WARM_UP = 10
"""Viewers that come back before anything is measured: imports and caches belong to nobody."""
AT_ONCE = 256
"""Viewers that are being let in again at the same time."""
Written = list[tuple[str, int, str]]


def run(site: Site, rounds: int, *, quick: bool) -> Result:
    """Targets: CPU per reconnect, session and ownership check included, and the time until all are
    back. Nchan is not among the rivals: what it keeps in its own memory does not survive its
    restart."""
    viewers = 20 if quick else 2000
    result = Result("storm", f"{viewers:,} viewers, web process killed and restarted", quick)
    servers: list[Server] = [
        Ours("ours, Uvicorn", site, under="uvicorn"),
        EventStream("django-eventstream, Uvicorn", site, under="uvicorn"),
        Ours("ours, Daphne", site, under="daphne"),
        EventStream("django-eventstream, Daphne", site, under="daphne"),
    ]
    interleaved(result, servers, rounds, lambda server: _round(server, viewers, site))
    for name in ("Uvicorn", "Daphne"):
        row = f"ours, {name}"
        result.limit(f"ms CPU per reconnect, {name}", "ms CPU per reconnect", row, 1.2)
        result.limit(f"s until all were back, {name}", "s until all were back", row, 3.0)
    return result


def _round(server: Server, count: int, site: Site) -> dict[str, float]:
    [job] = site.jobs(1)
    process = server.start()
    try:
        first = Viewers([(server.port, each) for each in server.requests([job], count)])
        first.connect()
        all_handed_over(server, process, count)
        written = publish_to(first, server.publish([job], 10, 10), site)
        process.kill()
        first.quiet(0.2, 5)
        first.close()
        written += publish_to(Viewers([]), server.publish([job], 100, MISSED), site)
        process = server.start()
        return _return(server, process, job, first, written, site)
    finally:
        process.stop()


def _return(
    server: Server, process: Process, job: str, first: Viewers, written: Written, site: Site
) -> dict[str, float]:
    last = str(written[-MISSED - 1][1])
    cookies = site.cookies(len(first.all))
    requests = [server.resumption(job, last, cookie) for cookie in cookies]
    warm = Viewers([(server.port, each) for each in requests[:WARM_UP]])
    warm.connect()
    warm.quiet(0.3, 3)
    cpu, store = process.cpu(), site.valkey.cpu()
    second = Viewers([(server.port, each) for each in requests])
    began = time.monotonic()
    with profiles.of(server.name, process):
        second.connect(at_once=AT_ONCE)
        second.quiet(1.0, 20)
    cpu, store = process.cpu() - cpu, site.valkey.cpu() - store
    seconds = second.last_arrival - began
    all_handed_over(server, process, len(second.all) + len(warm.all))
    written += publish_to(second, server.publish([job], 10, 10), site)
    resumed = _resumed(server, first, second, written)
    second.close()
    warm.close()
    return {
        "ms CPU per reconnect": cpu / len(requests) * 1e3,
        "ms Valkey CPU per reconnect": store / len(requests) * 1e3,
        "resumed without a gap %": 100 * resumed / len(requests),
        "s until all were back": seconds,
    }


def _resumed(server: Server, first: Viewers, second: Viewers, written: Written) -> int:
    """Viewers whose two lives together are complete and in order; ours must all be."""
    pairs = list(zip(first.all, second.all, strict=True))
    if server.ours:
        published = Published.of(written)
        for before, after in pairs:
            published.check(before.ids() + after.ids())
        return len(pairs)
    wanted = [n for count in (10, MISSED, 10) for n in range(1, count + 1) if n % 10]
    lives = [before.body() + after.body() for before, after in pairs]
    return sum([int(n) for n in COUNT.findall(life)] == wanted for life in lives)

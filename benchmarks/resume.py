"""A viewer comes back after a thousand events: how long until it has them all, beside reading
them from Valkey and doing nothing else. And a thousand viewers of one job have each missed a
hundred: what does it cost the server to tell them?"""

import contextlib
import time
from dataclasses import replace
from typing import Any

from benchmarks.processes import Process, handed_over
from benchmarks.profiles import profiles
from benchmarks.rounds import interleaved
from benchmarks.servers import EventStream, Ours, Server
from benchmarks.site import Site
from benchmarks.streaming import all_handed_over, connect, publish_to
from benchmarks.table import Result, percentiles
from benchmarks.viewers import Published, Viewer, Viewers

CPU = "ms CPU per reader"
MISSED_BY_MANY = 100


def run(site: Site, rounds: int, *, quick: bool) -> Result:
    """Targets: at most twice a bare XRANGE of them, both wall time at the client, where the request
    goes through the middleware, the session and the ownership check; and CPU time for each of many
    readers, all of whom are let in already."""
    import redis

    from headway.stream import keys

    missed, turns = (50, 3) if quick else (1000, 20)
    result = Result("resume", f"{missed:,} missed events of one job", quick)
    servers: list[Server] = [
        Ours("ours, Uvicorn", site, under="uvicorn"),
        Ours("ours, Daphne", site, under="daphne"),
        EventStream("django-eventstream, Uvicorn", site, under="uvicorn"),
    ]
    able = [s for s in servers if not s.missing() and (s.swift or not quick)]
    [job] = site.jobs(1)
    ids = {server.name: _write(server, job, missed, site) for server in able}
    client: Any = redis.Redis.from_url(site.redis_url)
    processes = {server.name: server.start() for server in able}
    found: dict[str, list[dict[str, float]]] = {name: [] for name in ("bare XRANGE", *processes)}
    try:
        for _ in range(rounds):
            times: dict[str, list[float]] = {name: [] for name in found}
            with contextlib.ExitStack() as stack:
                for name, process in processes.items():
                    stack.enter_context(profiles.of(name, process))
                for _ in range(turns):
                    began = time.perf_counter()
                    start = f"({ids[able[0].name][0]}-0"
                    client.xrange(keys.log(job), min=start, count=missed)
                    times["bare XRANGE"].append((time.perf_counter() - began) * 1e3)
                    for server in able:
                        took = _resume(server, processes[server.name], job, ids[server.name], site)
                        times[server.name].append(took)
            for name, millis in times.items():
                found[name].append(percentiles(millis, "ms"))
    finally:
        client.close()
        _stop(processes)
    for name, measured in found.items():
        result.add(name, measured)
    readers = 20 if quick else 1000
    many = [replace(s, name=f"{s.name}, {readers:,} readers") for s in servers if s.ours]
    interleaved(result, many, rounds, lambda server: _many(server, readers, site))
    for name in ("Uvicorn", "Daphne"):
        row = f"ours, {name}"
        result.ratio(f"over XRANGE, {name}", "ms p50", row, "bare XRANGE", 2.0)
        result.limit(f"{CPU}, {name}", CPU, f"{row}, {readers:,} readers", 0.3)
    return result


def _many(server: Server, count: int, site: Site) -> dict[str, float]:
    """Viewers whose server has not run for a while, and has lost its live connection meanwhile:
    each must be given all from the log, and nothing else is to be done."""
    [job] = site.jobs(1)
    process = server.start()
    try:
        viewers = Viewers([(server.port, each) for each in server.requests([job], count)])
        connect(viewers, server, process)
        all_handed_over(server, process, count)
        process.pause()
        site.cut_live_connections()
        missed = publish_to(Viewers([]), server.publish([job], 1e6, MISSED_BY_MANY), site)
        cpu, store = process.cpu(), site.valkey.cpu()
        with profiles.of(server.name, process):
            began = time.monotonic()
            process.resume()
            end = f"\nid: {missed[-1][1]}\n".encode()
            viewers.listen(lambda: all(_has(viewer, end) for viewer in viewers.all), 60)
            seconds = viewers.last_arrival - began
            viewers.quiet(0.3, 5)
        cpu, store = process.cpu() - cpu, site.valkey.cpu() - store
        numbers = frozenset(number for _, number, _ in missed)
        for viewer in viewers.all:
            Published(numbers, numbers).check(viewer.ids())
        viewers.close()
    finally:
        process.stop()
    return {CPU: cpu / count * 1e3, "ms Valkey CPU per reader": store / count * 1e3, "s": seconds}


def _has(viewer: Viewer, end: bytes) -> bool:
    return end in b"".join(piece for _, piece in viewer.pieces[-2:])


def _write(server: Server, job: str, missed: int, site: Site) -> list[int]:
    """Writes one event more than will be missed; ids of them all. Our two servers have one log."""
    entries = _entries(site, job)
    if server.ours and len(entries) > missed:
        return [int(i[: i.index(b"-")]) for i, _ in entries][1:]
    spec = server.publish([job], 1e6, missed + 1)
    return [number for _, number, _ in publish_to(Viewers([]), spec, site)]


def _entries(site: Site, job: str) -> Any:
    import redis

    from headway.stream import keys

    with redis.Redis.from_url(site.redis_url) as client:
        return client.xrange(keys.log(job))


def _resume(server: Server, process: Process, job: str, ids: list[int], site: Site) -> float:
    """Milliseconds from the request to the last missed event, all of which are checked."""
    [cookie] = site.cookies(1)
    viewers = Viewers([(server.port, server.resumption(job, str(ids[0]), cookie))])
    last = f"\nid: {ids[-1]}\n" if server.ours else f"id: {job}:{ids[-1]}\n"
    began = time.perf_counter()
    viewers.connect()
    [viewer] = viewers.all
    end = last.encode()
    while end not in b"".join(piece for _, piece in viewer.pieces[-2:])[-20_000:]:
        viewers.turn(5.0)
    millis = (time.perf_counter() - began) * 1e3
    if server.ours:  # those before have left, or are about to
        process.wait_for(lambda: sum(map(handed_over, process.pids())) == 1)
    viewers.close()
    if server.ours:
        Published(frozenset(ids[1:]), frozenset(ids[1:])).check(viewer.ids())
    return millis


def _stop(processes: dict[str, Process]) -> None:
    for process in processes.values():
        process.stop()

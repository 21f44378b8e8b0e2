"""Ten thousand viewers on one web process: do all get everything, and what does it cost to
hold them?"""

import time

from benchmarks.processes import Process
from benchmarks.rounds import interleaved
from benchmarks.servers import Nchan, Ours, Server
from benchmarks.site import Site
from benchmarks.streaming import all_handed_over, connect, delivered, publish_to
from benchmarks.table import Result, Target
from benchmarks.viewers import Viewers

FLAT = ("threads", "Redis connections", "database files")
"""What must not grow with the viewers."""


def run(site: Site, rounds: int, *, quick: bool) -> Result:
    """Targets: every frame, so much memory in all and for each viewer, and nothing else grows."""
    count = 50 if quick else 10_000
    result = Result("connections", f"{count:,} viewers of one job on one process", quick)
    servers: list[Server] = [
        Ours("ours, Uvicorn", site, under="uvicorn"),
        Nchan("Nchan", site),
        Ours("ours, Daphne", site, under="daphne"),
    ]
    interleaved(result, servers, rounds, lambda server: _round(server, count, site))
    for name, megabytes, kilobytes in (("Uvicorn", 110.0, 2.0), ("Daphne", 150.0, 5.0)):
        result.limit(f"MB under {name}", "MB in all", f"ours, {name}", megabytes)
        result.limit(f"kB per viewer, {name}", "kB per viewer", f"ours, {name}", kilobytes)
    for name, row in result.rows.items():
        if name != "Nchan":
            missing = 100.0 - row["frames delivered %"]
            result.targets.append(Target(f"frames missing %, {name}", missing, 0.0))
            for column in FLAT:
                grown = row[f"{column} +"]
                result.targets.append(Target(f"{column} grown, {name}", grown, 0.0))
    return result


def _round(server: Server, count: int, site: Site) -> dict[str, float]:
    jobs = site.jobs(1)
    process = server.start()
    try:
        requests = server.requests(jobs, count)
        viewers = Viewers([(server.port, each) for each in requests])
        viewers.connect(5, first_bytes=server.greets)
        # A stream greets before its process has connected to Redis. What proves that it has is an
        # event, and all viewers to come would have to catch up with that
        time.sleep(1)
        before = _held(process, site)
        kilobytes, connecting = connect(viewers, server, process)
        all_handed_over(server, process, count)
        after, began = _held(process, site), process.cpu()
        spec = server.publish(jobs, 1.0, 5)
        written = publish_to(viewers, spec, site, busy=process.cpu)
        frames = delivered(server, viewers, written)
        found = {
            "MB in all": process.memory() / 1e6,
            "kB per viewer": kilobytes,
            "frames delivered %": 100 * frames / (len(written) * count),
            "us CPU per frame": (process.cpu() - began) / max(frames, 1) * 1e6,
            "ms CPU per connect": connecting,
        }
        viewers.close()
        return found | {f"{name} +": after[name] - before[name] for name in FLAT}
    finally:
        process.stop()


def _held(process: Process, site: Site) -> dict[str, float]:
    return {
        "threads": process.threads(),
        "Redis connections": site.redis_clients(),
        "database files": process.open_files("db.sqlite3"),
    }

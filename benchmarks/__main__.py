"""`python -m benchmarks NAME [--json] [--rounds N] [--quick]`; the name `all` runs them all."""

import argparse
import gc
import importlib
import os
import resource
import signal
import sys
from contextlib import nullcontext

from benchmarks import prune, soak
from benchmarks.databases import PostgreSQL
from benchmarks.processes import CLIENT_CORE
from benchmarks.profiles import profiles
from benchmarks.site import Site

NAMES = (
    "report",
    "append",
    "fanout",
    "dashboard",
    "latency",
    "connections",
    "storm",
    "resume",
    "scale",
    "jobs",
    "prune",
    "questions",
    "admin",
    "soak",
)
APART = ("operated", "vanish")
"""What `all` leaves out."""


def main() -> None:
    """Runs benchmarks and prints what each found."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("name", choices=[*NAMES, *APART, "all"])
    parser.add_argument(
        "--json", action="store_true", help="print a line of JSON instead of a table"
    )
    parser.add_argument("--rounds", type=int, default=3, help="how often everybody takes a turn")
    parser.add_argument("--rows", type=int, default=prune.ROWS, help="old jobs of `prune`")
    parser.add_argument("--proxy", choices=["nginx"], help="the `soak` of a whole installation")
    parser.add_argument("--seconds", type=float, default=soak.SECONDS, help="length of `soak`")
    parser.add_argument("--quick", action="store_true", help="a small round, to see that it runs")
    parser.add_argument("--profile", action="store_true", help="show where servers' time goes")
    wanted = parser.parse_args()
    prune.ROWS, soak.PROXY, soak.SECONDS = wanted.rows, wanted.proxy, wanted.seconds
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that what was started is ended
    os.sched_setaffinity(0, CLIENT_CORE)
    gc.disable()  # nothing here is cyclic, and a pause of the client would look like the server's
    names = NAMES if wanted.name == "all" else (wanted.name,)
    rounds = 1 if wanted.quick else wanted.rounds
    whole = wanted.proxy or wanted.name == "operated"
    with PostgreSQL.open() if whole else nullcontext() as server, Site.open(server) as site:
        profiles.directory = site.directory if wanted.profile else None
        for name in names:
            run = importlib.import_module(f"benchmarks.{name}").run
            result = run(site, rounds, quick=wanted.quick)
            sys.stdout.write((result.to_json() if wanted.json else result.to_text()) + "\n\n")
            for table in profiles.taken():
                sys.stdout.write(table + "\n\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()

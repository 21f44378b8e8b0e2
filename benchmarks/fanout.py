"""One job, many viewers: what a frame costs the server on its way to one more socket."""

from benchmarks.rounds import interleaved
from benchmarks.servers import EventStream, everybody
from benchmarks.site import Site
from benchmarks.streaming import Load, measure
from benchmarks.table import Result

SLOWLY = 4
"""Updates a second at which django-eventstream can keep up: its cheapest frames count."""
WORK = "1 job, {} viewers, 20 updates a second"


def run(site: Site, rounds: int, *, quick: bool) -> Result:
    """Targets: CPU per delivered frame and memory per viewer."""
    load = Load(1, 20, 20, 20) if quick else Load(1, 1000, 20, 120)
    result = Result("fanout", WORK.format(load.viewers), quick)
    servers = everybody(site)
    for under in ("uvicorn", "daphne"):
        name = f"django-eventstream at {SLOWLY} a second, {under.title()}"
        servers.append(EventStream(name, site, under=under))
    interleaved(
        result,
        servers,
        rounds,
        lambda server: measure(
            server, load.at(SLOWLY) if "at" in server.name.split() else load, site
        ),
    )
    column = "us CPU per frame"
    result.ratio("Uvicorn over Nchan", column, "ours, Uvicorn", "Nchan", 1.0)
    for name, limit in (("Uvicorn", 0.15), ("Daphne", 0.5)):
        ours, theirs = f"ours, {name}", f"django-eventstream at {SLOWLY} a second, {name}"
        result.ratio(f"{name} over django-eventstream at its best", column, ours, theirs, limit)
    for name, kilobytes in (("Uvicorn", 12.0), ("Daphne", 17.0)):
        result.limit(f"kB per viewer, {name}", "kB per viewer", f"ours, {name}", kilobytes)
    return result

"""One job, many viewers: what a frame costs the server on its way to one more socket."""

from benchmarks.rounds import interleaved
from benchmarks.servers import EventStream, Server, everybody
from benchmarks.site import Site
from benchmarks.streaming import Load, measure
from benchmarks.table import Result

SLOWLY = 4
"""Updates a second at which django-eventstream can keep up. At 20 it reads its storage over and
over and delivers half of them or fewer; its cheapest frames are the ones to compare with."""
WORK = "1 job, {} viewers, 20 updates a second ({} for django-eventstream)"


def run(site: Site, rounds: int, *, quick: bool) -> Result:
    """Targets: CPU per delivered frame."""
    load = Load(1, 20, 20, 20) if quick else Load(1, 1000, 20, 120)
    result = Result("fanout", WORK.format(load.viewers, SLOWLY), quick)
    servers = everybody(site)
    interleaved(result, servers, rounds, lambda server: measure(server, _fair(server, load), site))
    column = "us CPU per frame"
    for name, limit in (("Uvicorn", 0.15), ("Daphne", 0.5)):
        ours, theirs = f"ours, {name}", f"django-eventstream, {name}"
        result.ratio(f"{name} over Nchan", column, ours, "Nchan", 0.8)
        result.ratio(f"{name} over django-eventstream", column, ours, theirs, limit)
    return result


def _fair(server: Server, load: Load) -> Load:
    return load.at(SLOWLY) if isinstance(server, EventStream) else load

"""Many jobs on every screen: what an update costs the server on its way to one more of them."""

from benchmarks.rounds import interleaved
from benchmarks.servers import EventStream, everybody
from benchmarks.site import Site
from benchmarks.streaming import Load, measure
from benchmarks.table import Result

WORK = "{} jobs x {} viewers of all of them x 10 updates a second"


def run(site: Site, rounds: int, *, quick: bool) -> Result:
    """Targets: CPU per update that reached a viewer. django-eventstream allows ten channels."""
    load = Load(3, 10, 10, 10) if quick else Load(25, 200, 10, 60)
    result = Result("dashboard", WORK.format(load.jobs, load.viewers), quick)
    servers = [each for each in everybody(site) if not isinstance(each, EventStream)]
    interleaved(result, servers, rounds, lambda server: measure(server, load, site))
    column = "us CPU per frame"
    result.ratio("Uvicorn over Nchan", column, "ours, Uvicorn", "Nchan", 0.12)
    result.ratio("Daphne over Nchan", column, "ours, Daphne", "Nchan", 0.12)
    return result

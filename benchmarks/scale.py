"""Two web processes on one Valkey instead of one: how much more can they deliver?

The machine that this is made for has two cores, and the load client needs one of them. So what
is measured is what bounds deliveries a second: the CPU time of the busiest process."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from benchmarks.processes import HERTZ
from benchmarks.rounds import interleaved
from benchmarks.servers import Bare, Ours, Server
from benchmarks.site import Site
from benchmarks.streaming import delivered, publish_to
from benchmarks.table import Result, Target
from benchmarks.viewers import Viewers

GROWTH = 1.8


@dataclass
class Group:
    """Several processes of one kind, each with a port of its own."""

    name: str
    parts: list[Server]

    @property
    def swift(self) -> bool:
        """As each of them."""
        return self.parts[0].swift

    def missing(self) -> str:
        """As each of them."""
        return self.parts[0].missing()


def run(site: Site, rounds: int, *, quick: bool) -> Result:
    """Target: deliveries per second of the busiest process's CPU time grow 1.8 times."""
    viewers, count = (20, 20) if quick else (2000, 80)
    result = Result("scale", f"1 and 2 web processes, {viewers:,} viewers of one job", quick)
    makers: list[tuple[str, Callable[[str], Server]]] = [
        ("ours, Uvicorn", lambda name: Ours(name, site, under="uvicorn")),
        ("ours, Daphne", lambda name: Ours(name, site, under="daphne")),
        ("bare asyncio socket", lambda name: Bare(name, site)),
    ]
    groups: list[Group] = []
    for name, make in makers:
        groups += [
            Group(f"{name}, {n}", [make(f"{name} {n}.{i}") for i in range(n)]) for n in (1, 2)
        ]
    interleaved(result, groups, rounds, lambda group: _round(group, viewers, count, site))
    for name, _ in makers:
        one, two = (result.rows.get(f"{name}, {n}") for n in (1, 2))
        if one and two:
            column = "deliveries per CPU s of the busiest"
            growth = two[column] / one[column]
            result.targets.append(Target(f"growth, {name}", growth, GROWTH, at_least=True))
    return result


def _round(group: Group, count: int, events: int, site: Site) -> dict[str, float]:
    jobs = site.jobs(1)
    processes = [part.start() for part in group.parts]
    try:
        targets = []
        for index, part in enumerate(group.parts):
            share = count // len(group.parts)
            requests = part.requests(jobs, count)[index * share : (index + 1) * share]
            targets += [(part.port, request) for request in requests]
        viewers = Viewers(targets)
        viewers.connect()
        viewers.quiet(0.5, 10)
        before = [process.cpu() for process in processes]
        spec = group.parts[0].publish(jobs, 20, events)
        if spec.via == "post":
            spec = replace(spec, target=",".join(str(part.port) for part in group.parts))
        written = publish_to(viewers, spec, site)
        used = [process.cpu() - cpu for process, cpu in zip(processes, before, strict=True)]
        frames = delivered(group.parts[0], viewers, written)
        viewers.close()
    finally:
        for process in processes:
            process.stop()
    return {
        "deliveries per CPU s of the busiest": frames / max(*used, 1 / HERTZ),
        "us CPU per frame": sum(used) / frames * 1e6,
        "frames delivered %": 100 * frames / (len(written) * count),
    }

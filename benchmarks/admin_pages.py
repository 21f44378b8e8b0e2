"""`python -m benchmarks.admin_pages ROWS ROUNDS`: fills the database of its environment, and prints
what each page of the admin took there."""

import json
import random
import statistics
import sys
import time
from datetime import timedelta
from typing import Any

from benchmarks.copies import settled
from benchmarks.databases import spent

FIRST = 10_000
"""Rows that are made one by one; all others are copies of them, further back in time."""
STATUSES = {"succeeded": 900, "failed": 60, "cancelled": 30, "lost": 9, "running": 1}
TRACEBACK = "Traceback (most recent call last):\n" + "  File 'x.py', line 1, in <module>\n" * 20
PAGES = {
    "list": "",
    "page 30": "?p=30",
    "last page": "?p=200",
    "active": "?status=active",
    "ended badly": "?status=badly",
    "lost": "?status=lost",
    "yesterday": "?when=yesterday",
    "yesterday's bad ones of one person": "?when=yesterday&status=badly&owner=person7",
    "one person": "?owner=person7",
    "one kind": "?kind=simulate",
    "one kind's failed": "?kind=simulate&status=failed",
    "search, found": "?q=weekly",
    "search, in tracebacks": "?q=ZeroDivisionError",
    "search, not found": "?q=nowhere-to-be-found",
}


def main() -> None:
    """Migrates, fills, measures."""
    rows, rounds = int(sys.argv[1]), int(sys.argv[2])
    import django

    django.setup()
    from django.conf import settings
    from django.core.management import call_command

    settings.ALLOWED_HOSTS = ["testserver"]
    call_command("migrate", verbosity=0)
    user = people()[0]
    fill(rows)
    sys.stdout.write(json.dumps(_measured(user, rounds)) + "\n")


def people() -> list[Any]:
    """Makes fifty users, of whom the first may do everything."""
    from django.contrib.auth.models import User

    made = [User(username=f"person{number}") for number in range(50)]
    made[0].is_staff = made[0].is_superuser = True
    return User.objects.bulk_create(made)


def fill(rows: int) -> None:
    """Makes their jobs, the newest of today."""
    from django.contrib.auth.models import User
    from django.utils import timezone

    from headway.models import Attempt, Job

    chance, now = random.Random(7), timezone.now()  # noqa: S311 - only data
    owners = [*User.objects.values_list("pk", flat=True)]
    jobs = []
    for number in range(min(rows, FIRST)):
        [status] = chance.choices([*STATUSES], weights=[*STATUSES.values()])
        at = now - timedelta(seconds=number * 5)
        ended = None if status == "running" else at
        jobs.append(
            Job(
                kind=chance.choice(["simulate", "import-csv", "checksum-archive"]),
                title=chance.choice(["Import people", "Weekly report", "Simulate"]),
                owner_id=chance.choice(owners),
                params={"file": f"people-{number}.csv", "seconds": number},
                status=status,
                reason="The disk was full." if status in ("failed", "lost") else "",
                attempt=1,
                started_at=at,
                finished_at=ended,
                percent=50.0,
            )
        )
    Job.objects.bulk_create(jobs, batch_size=500)
    for number, job in enumerate(jobs):
        job.created_at = now - timedelta(seconds=number * 5)
    Job.objects.bulk_update(jobs, ["created_at"], batch_size=500)
    bad = "ZeroDivisionError: division by zero"
    attempts = [
        Attempt(
            job=job,
            number=1,
            status=job.status,
            started_at=job.started_at or now,
            finished_at=job.finished_at,
            error=TRACEBACK + bad if job.status == "failed" else "",
            lines=[{"text": "a line", "level": "info"}] * 5,
        )
        for job in jobs
    ]
    Attempt.objects.bulk_create(attempts, batch_size=500)
    for copy in range(1, rows // FIRST):
        _copy(copy)
    settled()


def _copy(number: int) -> None:
    """Inserts the first rows once more, so many times 14 hours earlier, none of them active."""
    from django.db import connection

    from headway.models import Attempt, Job

    lite = connection.vendor == "sqlite"
    new = "lower(hex(randomblob(16)))" if lite else "gen_random_uuid()"
    ago = f"{number * 14} hours"
    shifted = (
        "strftime('%%Y-%%m-%%d %%H:%%M:%%f000', {0}, '-{1}')" if lite else "{0} - interval '{1}'"
    )
    special = {"id": new, "token": "NULL", "status": "replace(status, 'running', 'succeeded')"}
    special |= {
        name: shifted.format(name, ago) for name in ("created_at", "started_at", "finished_at")
    }
    names = [str(field.column) for field in Job._meta.concrete_fields]
    chosen = ", ".join(special.get(name, f'"{name}"') for name in names)
    quoted = ", ".join(f'"{name}"' for name in names)
    job, attempt = Job._meta.db_table, Attempt._meta.db_table
    marked = "queue"  # of copies it says of which one, for their attempts
    chosen = chosen.replace(f'"{marked}"', f"'copy {number}'")
    columns = [str(field.column) for field in Attempt._meta.concrete_fields if field.column != "id"]
    source = {"job_id": "j.id", "number": "1", "status": "j.status", "started_at": "j.created_at"}
    source |= {
        "finished_at": "j.finished_at",
        "error": f"CASE j.status WHEN 'failed' THEN '{_error()}' ELSE '' END",
    }
    source |= dict.fromkeys(("warnings", "lines", "phases", "samples"), "'[]'") | {
        "progress": "'{}'"
    }
    source |= {"due_at": "NULL", "checkpoint": "NULL", "worker": "''", "reason": "''"}
    with connection.cursor() as cursor:
        text = f"INSERT INTO {job} ({quoted}) SELECT {chosen} FROM {job} WHERE {marked} = ''"  # noqa: S608 - all ours
        cursor.execute(text.replace("%%", "%"))
        values = ", ".join(source[name] for name in columns)
        cursor.execute(
            f"INSERT INTO {attempt} ({', '.join(columns)}) SELECT {values} FROM {job} j"  # noqa: S608 - all ours
            f" WHERE j.{marked} = 'copy {number}'"
        )


def _error() -> str:
    return (TRACEBACK + "ZeroDivisionError: division by zero").replace("'", "''")


def _measured(user: Any, rounds: int) -> dict[str, dict[str, float]]:
    from django.test import Client

    from headway.models import Job

    client, found = Client(), {}
    client.force_login(user)
    some = Job.objects.filter(status="failed").values_list("pk", flat=True)[0]
    addresses = {name: f"/admin/headway/job/{query}" for name, query in PAGES.items()}
    if Job.objects.count() < FIRST:
        del addresses["last page"]
    addresses["job"] = f"/admin/headway/job/{some}/change/"
    addresses["history of a job"] = f"/admin/headway/job/{some}/history/"
    addresses["audit trail"] = "/admin/headway/auditentry/"
    for name, address in addresses.items():
        found[name] = _taken(client, address, rounds)
    return found


def _taken(client: Any, address: str, rounds: int) -> dict[str, float]:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    taken, cpu = [], []
    for _ in range(rounds + 1):
        began, used = time.perf_counter(), spent()
        with CaptureQueriesContext(connection) as asked:
            answer = client.get(address)
        taken.append((time.perf_counter() - began) * 1e3)
        cpu.append((spent() - used) * 1e3)
        if answer.status_code != 200:
            raise RuntimeError(f"{address} answered {answer.status_code}")
    slowest = max(asked, key=lambda each: float(each["time"]))
    sys.stderr.write(f"{address}: {taken}\n{slowest['time']} s: {slowest['sql'][:600]}\n")
    asking = sum(float(each["time"]) for each in asked) * 1e3
    return {
        "ms": statistics.median(taken[1:]),
        "CPU ms": statistics.median(cpu[1:]),
        "db ms": asking,
        "first ms": taken[0],
        "queries": len(asked),
    }


if __name__ == "__main__":
    main()

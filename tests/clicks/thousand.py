"""Run by `python -m tests.clicks.kinds` within a checkout: what a page of twenty jobs costs the web
process where 1,000 kinds are installed, each of which declares what its task says."""

import json
import os
import resource
import sys
from pathlib import Path
from typing import Any

import django

sys.path.insert(0, str(Path.cwd()))
os.environ["DJANGO_SETTINGS_MODULE"] = "progress.settings"
django.setup()

from django.contrib.auth.models import User  # noqa: E402 - models need the settings
from django.core.management import call_command  # noqa: E402
from django.db import connection  # noqa: E402
from django.test import Client  # noqa: E402
from django.utils import timezone  # noqa: E402

from headway import job_task  # noqa: E402
from headway.models import Attempt, Job, Status  # noqa: E402

KINDS, JOBS, ROUNDS = 1000, 20, 20
COUNTED: list[str] = []
SAYS = ("step {step} of {steps}", "Phase {number} of {phases}")


def work(seconds: float = 1) -> None:
    """Works on something."""


def count(execute: Any, sql: str, *rest: Any) -> Any:
    """Runs a query."""
    COUNTED.append(sql)
    return execute(sql, *rest)


def cpu() -> float:
    """Milliseconds that this process has had a processor."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return 1000 * (used.ru_utime + used.ru_stime)


def main() -> None:
    """Prints queries, bytes and milliseconds of CPU of the list, in English and in German."""
    call_command("migrate", verbosity=0)
    ada = User.objects.create(username="ada")
    for n in range(KINDS):
        says = (*SAYS, f"part {n} of {{parts}}")
        job_task(title=f"Work {n}", kind=f"work-{n}", name=f"kinds.work_{n}", says=says)(work)
    now = timezone.now()
    for n in range(JOBS):
        job = Job.objects.create(
            kind=f"work-{n}",
            title=f"Work {n}",
            owner=ada,
            status=Status.RUNNING,
            attempt=1,
            started_at=now,
            published_at=now,
            percent=3 * n,
            message=f"step {n + 1} of 30",
            phase=f"Phase {n + 1} of 30",
        )
        Attempt.objects.create(job=job, number=1, started_at=now)
    client = Client(SERVER_NAME="localhost")
    client.force_login(ada)
    told = {}
    for language in ("en", "de"):
        headers = {"accept-language": language}
        client.get("/", headers=headers)
        with connection.execute_wrapper(count):
            COUNTED.clear()
            page = client.get("/", headers=headers)
        before = cpu()
        for _ in range(ROUNDS):
            client.get("/", headers=headers)
        told[language] = [len(COUNTED), len(page.content), (cpu() - before) / ROUNDS]
    sys.stdout.write("\n" + json.dumps(told))


if __name__ == "__main__":
    main()

"""`python -m tests.releases VERSION` keeps the database of a release as tests/released/VERSION.sql,
to be migrated by all later ones (tests/test_schema.py)."""

import json
import os
import sqlite3
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
KEPT = Path(__file__).parent / "released"
MAKE = """
from django.contrib.auth.models import User
from django.utils import timezone
from headway.models import Attempt, Job
owner = User.objects.create_user("someone")
for status in ("queued", "running", "succeeded", "failed"):
    job = Job.objects.create(kind="simulate", owner=owner, status=status, attempt=1)
    Attempt.objects.create(job=job, number=1, status=status, started_at=timezone.now())
"""
READ = """
import json
from django.apps import apps
from headway.models import Job
names = ("headway", "jobs", "progress")
ours = [model for name in names for model in apps.get_app_config(name).get_models()]
rows = {model._meta.label: len([*model._base_manager.all()]) for model in ours}
print(json.dumps(rows | {"statuses": sorted(Job.objects.values_list("status", flat=True))}))
"""


def main() -> None:
    """Writes the file of this code."""
    KEPT.mkdir(exist_ok=True)
    (KEPT / f"{sys.argv[1]}.sql").write_text(dump())


def dump() -> str:
    """A new database of this code, with some rows, as SQL of SQLite."""
    with tempfile.TemporaryDirectory() as directory:
        manage(directory, "migrate", "--verbosity", "0")
        manage(directory, "shell", "--no-imports", "--command", MAKE)
        with sqlite3.connect(Path(directory) / "db.sqlite3") as database:
            return "\n".join(database.iterdump()) + "\n"


def migrated(sql: str) -> dict[str, object]:
    """How many rows each table has, and the statuses of jobs, as this code reads them after it has
    migrated such a database."""
    with tempfile.TemporaryDirectory() as directory:
        with sqlite3.connect(Path(directory) / "db.sqlite3") as database:
            database.executescript(sql)
        manage(directory, "migrate", "--verbosity", "0")
        printed = manage(directory, "shell", "--no-imports", "--command", READ)
    found: dict[str, object] = json.loads(printed.splitlines()[-1])
    return found


def manage(directory: str, *command: str) -> str:
    """What a command of the site prints, over the SQLite file in this directory."""
    outside = ("DATABASE_URL", "REDIS_URL", "CELERY_BROKER_URL", "DJANGO_SETTINGS_MODULE")
    environment = {name: value for name, value in os.environ.items() if name not in outside}
    done = subprocess.run(
        [sys.executable, "manage.py", *command],
        cwd=ROOT,
        env=environment | {"DATA_DIR": directory},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"{command[0]}: {done.stderr[-3000:]}")
    return done.stdout


if __name__ == "__main__":
    main()

"""A project with users of its own, in processes of its own."""

import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings

from tests.support.patience import PATIENCE
from tests.support.stack import Valkey

PASSWORD = "correct horse"
PEOPLE = f"""
from django.contrib.auth import get_user_model
people = get_user_model().objects
people.create_user("alice@example.org", {PASSWORD!r})
people.create_user("bob@example.org", {PASSWORD!r})
people.create_superuser("boss@example.org", {PASSWORD!r})
"""


class Project:
    """Its database and how its processes are started."""

    def __init__(self, folder: Path, valkey: Valkey) -> None:
        self.folder = folder
        self.environment = {
            "DJANGO_SETTINGS_MODULE": "tests.custom.settings",
            "DATA_DIR": str(folder),
            "DATABASE_URL": "",
            "REDIS_URL": valkey.url,
            # Tests leave jobs without a message that have a turn, and no janitor runs
            "JOB_MAX_PUBLISHED_PER_USER": "0",
            "STREAM_RECHECK": "1",
            "STREAM_KEEPALIVE": "1",
        }

    def manage(self, *arguments: str) -> str:
        """What `manage.py` prints."""
        done = subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=settings.BASE_DIR,
            env={**os.environ, **self.environment},
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def sql(self, statement: str, *values: object) -> None:
        """Changes the database behind everybody's back."""
        with sqlite3.connect(self.folder / "db.sqlite3", timeout=PATIENCE) as database:
            database.execute(statement, values)


@pytest.fixture(scope="session")
def project(valkey: Valkey, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """With Alice, Bob and their boss."""
    made = Project(tmp_path_factory.mktemp("custom"), valkey)
    made.manage("migrate", "--verbosity=0")
    made.manage("shell", "-c", PEOPLE)
    return made

"""The project's processes, each as its own documentation starts it."""

import contextlib
import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest
from django.conf import settings

from tests.support.patience import PATIENCE
from tests.support.processes import Process
from tests.support.stack import Valkey, free_port

START = """
from django.contrib.auth.models import User
from tests.bare.tasks import walk
print(walk.apply_async(kwargs={params}, owner=User.objects.get(username="alice")).id)
"""
PEOPLE = """
from django.contrib.auth.models import User
User.objects.create_user("alice", password="correct horse")
"""


class Project:
    """Its database, and how its processes are started. `jobs`: the file that has the jobs."""

    def __init__(self, folder: Path, valkey: Valkey, jobs: str = "bare.sqlite3") -> None:
        self.jobs = folder / jobs
        self.environment = {
            "DJANGO_SETTINGS_MODULE": "tests.bare.settings",
            "BARE_DATA": str(folder),
            "REDIS_URL": valkey.url,
        }

    def manage(self, *arguments: str, **environment: str) -> str:
        """What a command prints."""
        done = subprocess.run(
            [sys.executable, "-m", "django", *arguments],
            cwd=settings.BASE_DIR,
            env={**os.environ, **self.environment, **environment},
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def shell(self, code: str) -> str:
        """What some lines of Python print."""
        return self.manage("shell", "--no-imports", "-c", code)

    def start(self, **params: Any) -> str:
        """The id of a job of Alice's."""
        return self.shell(START.format(params=params))

    def row(self, job: str) -> tuple[str, int]:
        """A job's status and attempt."""
        with contextlib.closing(sqlite3.connect(self.jobs, timeout=PATIENCE)) as database:
            found = "SELECT status, attempt FROM headway_job WHERE id = ?"
            status, attempt = database.execute(found, [UUID(job).hex]).fetchone()
        return status, attempt

    def worker(self, **environment: str) -> Process:
        """A worker, as Celery's documentation starts it."""
        words = ["-m", "celery", "-A", "tests.bare", "worker", "-c", "2", "-l", "INFO"]
        return Process("bare", [sys.executable, *words], **self.environment, **environment)


class Served(Process):
    """The project on a web server: `words` start it, with {port} and {application} in them."""

    def __init__(self, project: Project, words: Sequence[str], **environment: str) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        command = [sys.executable, *(word.format(port=self.port) for word in words)]
        super().__init__("bare", command, **project.environment, **environment)

    def start(self) -> None:
        """Start it and wait until it answers."""
        super().start()
        self.wait_for(self.answers)

    def answers(self) -> bool:
        """Whether it answers requests."""
        try:
            return httpx.get(f"{self.url}/hello/", timeout=2).status_code == 200
        except httpx.HTTPError:
            return False

    @contextlib.contextmanager
    def signed_in(self) -> Iterator[httpx.Client]:
        """Alice's browser."""
        with httpx.Client(base_url=self.url, timeout=PATIENCE) as browser:
            browser.get("/sign-in/")
            form = {"username": "alice", "password": "correct horse"}
            token = browser.cookies["csrftoken"]
            browser.post("/sign-in/", data=form | {"csrfmiddlewaretoken": token})
            assert browser.get("/hello/").text == "Hello alice"
            yield browser


@pytest.fixture(scope="session")
def project(valkey: Valkey, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """With Alice."""
    made = Project(tmp_path_factory.mktemp("bare"), valkey)
    made.manage("migrate", "--verbosity=0")
    made.shell(PEOPLE)
    return made

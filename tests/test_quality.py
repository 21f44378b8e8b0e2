"""The linters pass, so that the one test command covers them."""

import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings

from tests.support import npm

BIN = Path(sys.executable).parent
OXLINT = "oxlint@1.94.0"
ROOT = Path(settings.BASE_DIR)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("command", ["ruff check", "ruff format --check", "mypy"])
def test_the_source_is_clean(command: str) -> None:
    program, *arguments = command.split()
    passes(str(BIN / program), *arguments)


def test_the_scripts_are_clean(tmp_path: Path) -> None:
    """By .oxlintrc.json; a name that no module defines or exports is an error too."""
    oxlint = str(npm.install([OXLINT], tmp_path) / ".bin/oxlint")
    passes(oxlint, "--deny-warnings", "headway/static")


def passes(*command: str) -> None:
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr

"""Programs of npm, at exact versions; without npm tests skip on a laptop and fail in CI."""

import os
import shutil
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.support.patience import PATIENCE


def install(packages: Sequence[str], directory: Path) -> Path:
    """Installs packages into a directory and returns where they are."""
    if not shutil.which("npm"):
        give_up: Callable[..., Any] = pytest.fail if os.environ.get("CI") == "true" else pytest.skip
        give_up("npm is missing: apt-get install nodejs npm")
    command = ["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", *packages]
    subprocess.run(command, cwd=directory, check=True, capture_output=True, timeout=PATIENCE)
    return directory / "node_modules"

"""The package as it is released: wheel and sdist, built once for all processes of a run."""

import fcntl
import os
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest
from django.conf import settings

ROOT = Path(settings.BASE_DIR)


class Distribution(NamedTuple):
    """Both files."""

    wheel: Path
    sdist: Path


def built(factory: pytest.TempPathFactory) -> Distribution:
    """As docs/releasing.md builds them: the sdist from the checkout, the wheel from the sdist."""
    base = factory.getbasetemp()
    run = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    place = run / "distribution"
    with (run / "distribution.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not [*place.glob("*.whl")]:
            build = ("-m", "build", "--no-isolation", "--outdir", str(place), str(ROOT))
            done = subprocess.run(
                [sys.executable, *build], capture_output=True, text=True, check=False
            )
            assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    [wheel], [sdist] = place.glob("*.whl"), place.glob("*.tar.gz")
    return Distribution(wheel, sdist)

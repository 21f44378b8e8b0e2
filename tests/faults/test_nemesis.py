"""The nemesis, for twenty seconds; `python -m tests.nemesis --minutes 10` is the long one."""

import os
import subprocess
import sys

from django.conf import settings


def test_every_invariant_holds_after_twenty_random_seconds() -> None:
    environment = {
        name: value
        for name, value in os.environ.items()
        if name not in ("DJANGO_SETTINGS_MODULE", "DATABASE_URL", "DATA_DIR")
    }
    done = subprocess.run(
        [sys.executable, "-m", "tests.nemesis", "--minutes", "0.35"],
        cwd=settings.BASE_DIR,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "violations: 0" in done.stdout

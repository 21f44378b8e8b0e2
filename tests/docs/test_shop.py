"""The pages' code, run in a project that is made of it."""

import os
import subprocess
import sys
from pathlib import Path

from django.conf import settings

from tests.docs import shop
from tests.support.patience import PATIENCE
from tests.support.stack import Valkey


def test_a_project_made_of_the_pages_does_what_they_say(tmp_path: Path, valkey: Valkey) -> None:
    shop.make(tmp_path, valkey.url)
    path = os.pathsep.join((str(tmp_path), str(settings.BASE_DIR)))
    surroundings = {
        **os.environ,
        "PYTHONPATH": path,
        "REDIS_URL": valkey.url,
        "DJANGO_SETTINGS_MODULE": "shop.settings",
    }
    done = subprocess.run(
        [sys.executable, "-m", "pytest"],
        cwd=tmp_path,
        env=surroundings,
        capture_output=True,
        text=True,
        timeout=4 * PATIENCE,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-20_000:] + done.stderr[-2000:]

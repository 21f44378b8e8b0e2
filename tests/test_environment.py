"""The data directory of the tests goes with the process that made it."""

import os
import subprocess
import sys
from pathlib import Path

from django.conf import settings

FORKS = """
import os, sys
from tests.support.environment import DATA_DIR
print(DATA_DIR, flush=True)
if os.fork() == 0:
    sys.exit()
_, status = os.wait()
print(status, DATA_DIR.is_dir())
sys.exit(3)
"""


def test_a_forked_process_leaves_the_folder_to_its_parent_who_removes_it(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", FORKS],
        cwd=settings.BASE_DIR,
        env=os.environ | {"TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    folder, after_the_child = done.stdout.splitlines()
    assert (after_the_child, done.returncode) == ("0 True", 3)
    assert Path(folder).parent == tmp_path
    assert not Path(folder).exists()

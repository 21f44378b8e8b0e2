"""The pages' code, run in a project that is made of it."""

import os
import re
import subprocess
import sys
from pathlib import Path

from django.conf import settings

from tests.docs import shop
from tests.support.pages import blocks, code
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


def test_the_readme_has_the_task_of_the_page() -> None:
    assert code("README.md", "@job_task") == blocks(shop.TASKS, "python")[0].code


def test_the_project_leaves_out_no_block() -> None:
    tests = (Path(settings.BASE_DIR) / "tests/docs/in_the_shop.py").read_text()
    files = "".join(shop.documented().values())
    words = re.findall(r'code\(\S+, "(.+?)"\)', tests)
    found = [b for page in (shop.TASKS, shop.OBSERVING) for b in blocks(page, "python")]
    assert [
        str(b) for b in found if b.code not in files and not any(w in b.code for w in words)
    ] == []
    named = re.findall(r"_task.*\n(?:@.*\n)*def (\w+)", shop.documented()["shop/tasks.py"])
    assert [name for name in named if not re.search(rf"tasks\.{name}\b", tests)] == []

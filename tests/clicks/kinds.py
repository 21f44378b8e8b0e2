"""`python -m tests.clicks.kinds [CHECKOUT]`: queries, bytes and milliseconds of CPU of a page of
twenty running jobs where 1,000 kinds are installed, in English and German; of this checkout or of
an earlier one."""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import django

from tests.support import environment as environment  # a data directory of its own
from tests.support.pages import ROOT

django.setup()

from tests.support.stack import Valkey  # noqa: E402 - models need the settings

MOST = 300
"""Seconds."""


def counted(checkout: str, redis_url: str) -> dict[str, tuple[int, int, float]]:
    """By language, from a process and a database of its own."""
    with tempfile.TemporaryDirectory() as folder:
        own = {
            "DATA_DIR": folder,
            "DATABASE_URL": f"sqlite:///{folder}/db.sqlite3",
            "REDIS_URL": redis_url,
            "PYTHONPATH": checkout,
        }
        said = subprocess.run(
            [sys.executable, Path(__file__).with_name("thousand.py")],
            cwd=checkout,
            env=os.environ | own,
            capture_output=True,
            check=True,
            timeout=MOST,
        ).stdout
    return dict(json.loads(said.splitlines()[-1]))


def main() -> None:
    """A line for each language."""
    checkout = sys.argv[1] if sys.argv[1:] else str(ROOT)
    valkey = Valkey()
    valkey.start()
    try:
        found = counted(checkout, valkey.url)
    finally:
        valkey.kill()
    for language, (queries, size, cpu) in found.items():
        sys.stdout.write(f"| {language} | {queries} | {size:,} | {cpu:.0f} |\n")


if __name__ == "__main__":
    main()

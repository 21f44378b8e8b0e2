"""`python -m tests.nemesis --seed N --minutes M`: exit code 0 when every invariant held."""

import argparse
import os
import random
import shutil
import sys
import tempfile
from pathlib import Path

import django


def main() -> int:
    """Sets everything up in a directory of its own, and leaves nothing behind."""
    parser = argparse.ArgumentParser(prog="python -m tests.nemesis", description=__doc__)
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    parser.add_argument("--minutes", type=float, default=1.0)
    parser.add_argument(
        "--redis", choices=("valkey-server", "redis-server"), default="valkey-server"
    )
    parser.add_argument("--database", default="", help="a PostgreSQL URL; SQLite without it")
    options = parser.parse_args()
    directory = Path(tempfile.mkdtemp(prefix="nemesis-"))
    os.environ.update(
        DJANGO_SETTINGS_MODULE="tests.nemesis.settings",
        DATA_DIR=str(directory),
        SECRET_KEY="only for tests",
        DATABASE_URL=options.database or f"sqlite:///{directory / 'db.sqlite3'}",
    )
    for name in ("REDIS_URL", "CELERY_BROKER_URL", "DEBUG"):
        os.environ.pop(name, None)
    try:
        django.setup()
        from tests.nemesis.run import run

        return run(options.seed, options.minutes * 60, options.redis)
    finally:
        shutil.rmtree(directory, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())

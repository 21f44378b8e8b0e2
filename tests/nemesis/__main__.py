"""`python -m tests.nemesis --seed N --minutes M`: exit code 0 when every invariant held."""

import argparse
import os
import random
import shutil
import signal
import sys
import tempfile
from contextlib import nullcontext
from pathlib import Path

import django

from tests.support.postgresql import PostgreSQL

OF_ITS_OWN = "postgresql"
SERVERS = ("daphne", "uvicorn")


def main() -> int:
    """Sets everything up in a directory of its own, and leaves nothing behind."""
    options = parse()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # as Ctrl-C ends it
    directory = Path(tempfile.mkdtemp(prefix="nemesis-"))
    server = PostgreSQL.create() if options.database == OF_ITS_OWN else None
    of_server = server.address("postgres") if server else options.database
    os.environ.update(
        DJANGO_SETTINGS_MODULE="tests.nemesis.settings",
        DATA_DIR=str(directory),
        SECRET_KEY="only for tests: 50 characters that protect nothing at all",
        DATABASE_URL=of_server or f"sqlite:///{directory / 'db.sqlite3'}",
    )
    for name in ("REDIS_URL", "CELERY_BROKER_URL", "DEBUG"):
        os.environ.pop(name, None)
    try:
        django.setup()
        from tests.nemesis.run import run
        from tests.support.sentinels import Watched

        only = [name for name in options.only.split(",") if name]
        web = options.server
        with Watched() if options.sentinel else nullcontext() as watched:
            seconds = options.minutes * 60
            return run(options.seed, seconds, options.redis, web, server, only, watched)
    finally:
        if server:
            server.close()
        if not options.keep:
            shutil.rmtree(directory, ignore_errors=True)


def parse() -> argparse.Namespace:
    """What was asked for."""
    parser = argparse.ArgumentParser(prog="python -m tests.nemesis", description=__doc__)
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    parser.add_argument("--minutes", type=float, default=1.0)
    parser.add_argument(
        "--redis", choices=("valkey-server", "redis-server"), default="valkey-server"
    )
    parser.add_argument(
        "--database",
        default="",
        help=f"a URL, or {OF_ITS_OWN} for a server of its own that is restarted too; else SQLite",
    )
    parser.add_argument(
        "--sentinel", action="store_true", help="three Redis servers, watched by three Sentinels"
    )
    parser.add_argument("--server", choices=SERVERS, default="daphne", help="of the web process")
    parser.add_argument("--keep", action="store_true", help="the logs, in the temporary directory")
    parser.add_argument("--only", default="", help="names of faults, separated by commas; else all")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())

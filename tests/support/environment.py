"""Gives the tests, and commands among them, a data directory of their own, before Django reads its
settings, and removes it when their process ends.

Loaded by `-p` in pyproject.toml: pytest-django reads the settings before any conftest.py.
"""

import atexit
import os
import shutil
import signal
import tempfile
from pathlib import Path

# Here, so that their option is always known
pytest_plugins = [f"tests.support.{name}" for name in ("thorough", "engine_coverage", "order")]
OWNER, DATA_DIR = os.getpid(), Path(tempfile.mkdtemp(prefix="progress-tests-"))

for name in (
    "REDIS_URL",
    "CELERY_BROKER_URL",
    "PORT",
    "HTTPS",
    "BIND",
    "WORKERS",
    "LLM_BASE_URL",
    "LLM_MODEL",
    "LLM_API_KEY",
):
    os.environ.pop(name, None)
os.environ["DJANGO_SETTINGS_MODULE"] = "progress.settings"
os.environ["DATA_DIR"] = str(DATA_DIR)
os.environ["SECRET_KEY"] = "only for tests: 50 characters that protect nothing at all"
os.environ["METRICS_TOKEN"] = "only-for-tests-only-for-tests-only-for"
SQLITE_URL = f"sqlite:///{DATA_DIR / 'test.sqlite3'}"
os.environ["DATABASE_URL"] = os.environ.get("DATABASE_URL_OF_TESTS", SQLITE_URL)
# Playwright's sync API runs an event loop in the test's thread, where Django would refuse to query
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"

# A shell has what it runs in the background ignore Ctrl-C, and processes inherit that
signal.signal(signal.SIGINT, signal.default_int_handler)


def remove() -> None:
    """Leaves nothing behind; a process that was forked from the owner leaves that to it."""
    if os.getpid() == OWNER:
        shutil.rmtree(DATA_DIR, ignore_errors=True)


def pytest_unconfigure() -> None:
    """Not only at the exit, on which xdist waits ten seconds before it kills the process."""
    remove()


atexit.register(remove)

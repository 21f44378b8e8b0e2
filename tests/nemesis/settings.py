"""The project's settings, and a kind of job that leaves a trace of who runs it."""

from progress.settings import *  # noqa: F403 - all of them
from progress.settings import DATA_DIR, INSTALLED_APPS

INSTALLED_APPS = [*INSTALLED_APPS, "tests.nemesis"]
LEDGER = DATA_DIR / "ledger"

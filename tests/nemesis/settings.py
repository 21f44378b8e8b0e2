"""The project's settings, and a kind of job that leaves a trace of who runs it."""

from progress.settings import *  # noqa: F403 - all of them
from progress.settings import INSTALLED_APPS

INSTALLED_APPS = [*INSTALLED_APPS, "tests.nemesis"]

"""The project as it is, and the app of the benchmark."""

from progress.settings import *  # noqa: F403
from progress.settings import INSTALLED_APPS

INSTALLED_APPS = [*INSTALLED_APPS, "benchmarks.idle"]

"""The project as it is, and the app of the benchmark."""

from progress.settings import *  # noqa: F403 - all of them
from progress.settings import HEADWAY, INSTALLED_APPS

INSTALLED_APPS = [*INSTALLED_APPS, "benchmarks.idle"]

# One user starts all the jobs of a benchmark
HEADWAY = HEADWAY | {"JOB_MAX_ACTIVE_PER_USER": 0, "JOB_MAX_STARTS_PER_MINUTE": 0}

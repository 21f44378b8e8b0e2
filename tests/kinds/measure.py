"""Runs a task on a file in a process of its own and prints how much memory that took:
`python -m tests.kinds.measure import_csv NAME` as a job, with `plainly` behind it as a function.
"""

import json
import resource
import sys
import time
from functools import partial

import django


def main() -> None:
    """Prints {"grew": bytes, "seconds": ..., "outcome": result or sentence} as JSON."""
    django.setup()
    from django.core.management import call_command

    from headway import JobError
    from jobs import tasks
    from tests.kinds.conftest import Trial

    task = getattr(tasks, sys.argv[1])
    call_command("migrate", verbosity=0)
    run = task if "plainly" in sys.argv else partial(Trial().run, task)
    before, begun = peak(), time.monotonic()
    try:
        outcome = run(file=sys.argv[2])
    except JobError as error:
        outcome = str(error)
    seconds = round(time.monotonic() - begun, 2)
    print(json.dumps({"grew": peak() - before, "seconds": seconds, "outcome": outcome}))  # noqa: T201 - read by the test


def peak() -> int:
    """The most memory this process has had so far, in bytes (Linux counts in KiB)."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


if __name__ == "__main__":
    main()

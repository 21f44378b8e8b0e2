"""`python -m benchmarks.starting WAY COUNT`: the process that starts jobs. It prints what a start
has cost it in ms of CPU, and on a line of input how many have succeeded."""

import importlib
import json
import sys
import time
from collections.abc import Callable

Starts = Callable[[int], object]


def main() -> None:
    """Sets Django up by its environment, starts one job to be warm, then COUNT."""
    way, count = sys.argv[1], int(sys.argv[2])
    import django

    django.setup()
    start, succeeded = (_ours if way in ("delay", "start_many") else _theirs)(way)
    start(1)
    _answer({"ready": 1})
    sys.stdin.readline()
    began, clock = time.process_time(), time.perf_counter()
    start(count)
    cpu, wall = time.process_time() - began, time.perf_counter() - clock
    _answer({"ms CPU per start": cpu / count * 1e3, "wall": wall / count * 1e3})
    sys.stdin.readline()
    deadline = time.monotonic() + 600
    while way != "plain" and succeeded() != count + 1 and time.monotonic() < deadline:
        time.sleep(0.2)  # what is awaited happens in another process, which tells nobody
    _answer({"succeeded": succeeded()})


def _ours(way: str) -> tuple[Starts, Callable[[], int]]:
    importlib.import_module("progress.celery")
    from django.contrib.auth.models import User

    from benchmarks.idle.tasks import do_nothing
    from headway.models import Job, Status

    user = User.objects.create_user("bench", password=None)

    def many(count: int) -> None:
        do_nothing.start_many([{"number": number} for number in range(count)], owner=user)

    def each(count: int) -> None:
        for number in range(count):
            do_nothing.delay(number, owner=user)

    done = Job.objects.filter(status=Status.SUCCEEDED)
    return (many if way == "start_many" else each), done.count


def _theirs(way: str) -> tuple[Starts, Callable[[], int]]:
    task = importlib.import_module("benchmarks.rivals.results.celery").do_nothing

    def each(count: int) -> None:
        for number in range(count):
            task.delay(number)

    def succeeded() -> int:
        if way == "plain":
            return 0
        from django_celery_results.models import TaskResult

        return int(TaskResult.objects.filter(status="SUCCESS").count())

    return each, succeeded


def _answer(value: dict[str, float]) -> None:
    sys.stdout.write(json.dumps(value) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()

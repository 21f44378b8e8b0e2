"""What reporting costs the loop of a job: `track()` and `update()` beside tqdm, and one call of
what Celery users call instead. CPU time of the whole process, its ticker thread included."""

import importlib.util
import os
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.site import Site
from benchmarks.table import Result

CALLS = 500
"""Calls of what makes a round trip each."""


def run(site: Site, rounds: int, *, quick: bool) -> Result:
    """Targets: not more than tqdm costs over a bare loop; a thousandth of a round trip a call."""
    steps = 20_000 if quick else 1_000_000
    result = Result("report", f"{steps:,} iterations of a loop that does nothing else")
    ways: dict[str, Callable[[], float]] = {"bare loop": lambda: _timed(_bare, steps)}
    ways["ours, track()"] = lambda: _timed(_track, steps, site)
    ways["ours, update()"] = lambda: _timed(_update, steps, site)
    if _installed(result, "tqdm"):
        ways["tqdm(iterable)"] = lambda: _timed(_tqdm, steps)
        ways["tqdm.update(1)"] = lambda: _timed(_tqdm_update, steps)
    ways["Celery update_state"] = lambda: _timed(_update_state, CALLS, site)
    if _installed(result, "celery_progress"):
        ways["celery-progress set_progress"] = lambda: _timed(_set_progress, CALLS, site)
    found: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds * 3):
        for name, way in ways.items():
            found[name].append(way())
    _judge(result, found)
    return result


def _judge(result: Result, found: dict[str, list[float]]) -> None:
    bare = found.pop("bare loop")
    result.add("bare loop", [{"ns per call": each} for each in bare])
    column = "ns over the bare loop"
    for name, measured in found.items():
        pairs = zip(measured, bare, strict=True)
        rows = [{"ns per call": each, column: each - empty} for each, empty in pairs]
        result.add(name, rows)
    result.ratio("track() over tqdm", column, "ours, track()", "tqdm(iterable)", 1.0)
    result.ratio("update() over tqdm.update", column, "ours, update()", "tqdm.update(1)", 1.0)
    for slow in ("Celery update_state", "celery-progress set_progress"):
        for ours in ("ours, track()", "ours, update()"):
            result.ratio(f"{ours} over {slow}", column, ours, slow, 0.001)


def _timed(work: Callable[..., None], steps: int, *arguments: object) -> float:
    """ns of CPU time per step, of all threads of this process."""
    began = time.process_time()
    work(steps, *arguments)
    return (time.process_time() - began) / steps * 1e9


def _bare(steps: int) -> None:
    for _ in range(steps):
        pass


@contextmanager
def _attempt(site: Site) -> Iterator[None]:
    """What a worker does around a task's function: `progress` is its reporter's."""
    from headway.models import Attempt
    from headway.stream import Reporter
    from headway.worker.current_progress import Running, running

    [job] = site.jobs(1)
    reporter = Reporter(site.log, job, 1)
    reporter.start()
    with running(Running(Attempt(job_id=uuid.UUID(job), number=1), reporter)):
        yield
    reporter.stop()


def _track(steps: int, site: Site) -> None:
    from headway import progress

    with _attempt(site):
        for _ in progress.track(range(steps)):
            pass


def _update(steps: int, site: Site) -> None:
    from headway import progress

    with _attempt(site):
        for n in range(steps):
            progress.update(n)


def _tqdm(steps: int) -> None:
    from tqdm import tqdm

    with Path(os.devnull).open("w") as nowhere:
        for _ in tqdm(range(steps), file=nowhere):
            pass


def _tqdm_update(steps: int) -> None:
    from tqdm import tqdm

    with Path(os.devnull).open("w") as nowhere, tqdm(total=steps, file=nowhere) as bar:
        for _ in range(steps):
            bar.update(1)


def _task(site: Site) -> Any:
    """A task of a Celery application whose results are kept in the same Valkey."""
    from celery import Celery

    url = site.redis_url.replace("unix://", "redis+socket://")
    application = Celery("benchmarks", broker=url, backend=url, set_as_current=False)
    task = application.task(name="benchmarks.task")(_nothing)
    task.push_request(id=uuid.uuid4().hex)
    return task


def _nothing() -> None:
    """What the task does."""


def _update_state(steps: int, site: Site) -> None:
    task = _task(site)
    for n in range(steps):
        task.update_state(state="PROGRESS", meta={"current": n, "total": steps})


def _set_progress(steps: int, site: Site) -> None:
    from celery_progress.backend import ProgressRecorder

    recorder = ProgressRecorder(_task(site))
    for n in range(steps):
        recorder.set_progress(n, steps)


def _installed(result: Result, name: str) -> bool:
    found = importlib.util.find_spec(name) is not None
    if not found:
        result.notes.append(f"{name} was left out: it is not installed")
    return found

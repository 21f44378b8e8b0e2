"""Polls the progress of jobs until all have ended: read here, or from another installation."""

import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TextIO, cast, get_args, get_type_hints
from urllib.parse import urlencode

from django.core.management.base import CommandError
from django.db import close_old_connections

from headway.lifecycle import snapshots
from headway.models import TERMINAL, Job, Status
from headway.ops.terminal import draw, is_over
from headway.stream.client import StreamError, watch
from headway.stream.event import MOTION, Snapshot, is_stalled

EVERY = 0.25
"""Seconds between two looks at the database and Redis."""
NUMBERS = [n for n, hint in get_type_hints(Snapshot).items() if {int, float} & {*get_args(hint)}]
LARGEST = 1e16
"""Above all numbers that streams carry."""
WHERE = ("snapshot", "state", "progress")
"""Events that say where a job is."""
SUCCEEDED, FAILED, CANCELLED, UNKNOWN, INTERRUPTED = 0, 1, 2, 3, 130
"""What `watch` exits with; UNKNOWN when a job could not be watched to its end."""


def show(source: Iterator[Snapshot], out: TextIO) -> int:
    """Draws the jobs of a source until all have ended; the exit code."""
    try:
        ended = {str(snapshot["status"]) for snapshot in draw(source, out).values()}
    except KeyboardInterrupt:
        out.write("Stopped watching. The job continues.\n")
        return INTERRUPTED
    if Status.FAILED in ended:
        return FAILED
    return CANCELLED if ended & {Status.CANCELLED, Status.LOST} else SUCCEEDED


def here(jobs: Sequence[uuid.UUID]) -> Iterator[Snapshot]:
    """Snapshots of this installation's jobs. Needs no web process, and Redis only for motion.

    Raises CommandError when one of them does not exist, or no longer.
    """
    while True:
        _, states = snapshots.live(jobs)
        rows = Job.objects.in_bulk(jobs)
        gone = [str(job) for job in jobs if job not in rows]
        if gone:
            raise CommandError(f"There is no job {', '.join(gone)}.", returncode=UNKNOWN)
        found = [snapshots.snapshot(rows[job], states.get(str(job))) for job in jobs]
        yield from found
        if all(is_over(snapshot) for snapshot in found):
            return
        close_old_connections()
        time.sleep(EVERY)


def elsewhere(site: str, jobs: Sequence[uuid.UUID], token: str | None) -> Iterator[Snapshot]:
    """Snapshots of the jobs of another installation, which has them below the address `site`, from
    one stream of them all.

    Raises CommandError when it refuses them, or is no installation of ours.
    """
    names = {str(job) for job in jobs}
    known: dict[str, dict[str, Any]] = {}
    heard: dict[str, float] = {}  # when a job was last heard of
    try:
        with watch(_address(site, jobs), token=token) as events:
            for event in events:
                job = _about(event.data)
                if event.event in WHERE:
                    told = _merged(known, event.data)
                    if not _is_ours(told) or job not in names:
                        raise CommandError(f"{site} is not a Headway site.", returncode=UNKNOWN)
                    known[job] = told
                if job in known:
                    quiet = known[job].get("quiet") if event.event == "snapshot" else None
                    heard[job] = time.monotonic() - (quiet or 0)
                # A stream says nothing of a job that is quiet, but shows that it is alive itself.
                for each in [job] if job in known else known:
                    yield _timed(known[each], heard[each])
                if sum(each["status"] in TERMINAL for each in known.values()) == len(names):
                    return
    except StreamError as error:
        raise CommandError(str(error), returncode=UNKNOWN) from error
    raise CommandError(f"There is no job {', '.join(names)} any more.", returncode=UNKNOWN)


def _address(site: str, jobs: Sequence[uuid.UUID]) -> str:
    """A job's own stream also says when the job has been deleted."""
    if len(jobs) == 1:
        return f"{site}/{jobs[0]}/events/?heartbeat"
    return f"{site}/events/?heartbeat&{urlencode([('job', str(job)) for job in jobs])}"


def _timed(told: Mapping[str, Any], heard: float) -> Snapshot:
    """With how long nothing has come from the job, and all that is not known as such."""
    quiet = time.monotonic() - heard if told["status"] == Status.RUNNING else None
    stalled = is_stalled(told["status"], quiet, told.get("stalled_after"))
    known = {**MOTION, "unit": "", **told, "quiet": quiet, "stalled": stalled}
    return cast("Snapshot", known)


def _about(told: Any) -> str:
    """The job that an event is about; "" for none."""
    job = told.get("job") if isinstance(told, dict) else None
    return job if isinstance(job, str) else ""


def _merged(known: Mapping[str, dict[str, Any]], told: Any) -> dict[str, Any]:
    """What is known of a job now; nothing when that makes no sense."""
    if not isinstance(told, dict) or not isinstance(told.get("job"), str):
        return {}
    before = known.get(told["job"], {})
    if before.get("attempt") != told.get("attempt"):
        before = {}  # an attempt begins with a `state`, which is all there is then
    return before | told


def _is_ours(told: Mapping[str, Any]) -> bool:
    """Whether it can be drawn."""
    texts = (told.get(name) for name in ("job", "title", "status", "reason"))
    numbers = (told.get(name) for name in NUMBERS)
    return (
        all(isinstance(text, str) for text in texts)
        and all(isinstance(told.get(name) or "", str) for name in ("phase", "unit"))
        and isinstance(told.get("attempt"), int)
        and all(n is None or (isinstance(n, int | float) and abs(n) < LARGEST) for n in numbers)
    )

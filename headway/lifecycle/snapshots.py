"""The snapshot of a job: its state from the database, its motion from Redis while it runs."""

import logging
import uuid
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, cast

import redis

from headway.kinds import registry
from headway.lifecycle import whole_log
from headway.lifecycle.log import glance, log
from headway.models import TERMINAL, Attempt, Job, Status
from headway.stream.course import Course
from headway.stream.event import (
    MOTION,
    LastWords,
    Motion,
    NoProgress,
    Problem,
    Progress,
    Snapshot,
    State,
    is_stalled,
    progress_of,
)
from headway.stream.log import Told
from headway.stream.record import LINES_KEPT, WARNINGS_KEPT

logger = logging.getLogger(__name__)


def state(job: Job) -> State:
    """What the database decides; the data of a `state` event."""
    known: State = {
        "job": str(job.pk),
        "kind": job.kind,
        "title": job.title,
        "unit": registry.unit(job.kind),
        "stalled_after": registry.stalled_after(job.kind),
        "attempt": job.attempt,
        "status": str(job.status),
        "reason": job.reason,
        "created": job.created_at.astimezone(UTC).isoformat(),
        "started": _iso(job.started_at),
        "finished": _iso(job.finished_at),
        "result": job.result,
        "files": list(job.files),
    }
    if job.status == Status.SUCCEEDED:
        known["percent"] = 100
    return known


def snapshot(job: Job, live: Mapping[str, Any] | None = None) -> Snapshot:
    """Motion and state in one object. `live` is what `live()` found for this job: its motion is
    used unless it is another attempt's, none has begun, or the job has ended and the row knows."""
    motion, known, quiet = _committed(job), state(job), None
    if live and live.get("attempt") == job.attempt and job.status != Status.QUEUED:
        names = ("rate", "elapsed") if job.status in TERMINAL else tuple(MOTION)
        newer = {name: live[name] for name in names if name in live}
        motion = cast("Motion", {**motion, **newer})
        quiet = None if job.status in TERMINAL else live.get("quiet")
    stalled = is_stalled(job.status, quiet, known["stalled_after"])
    return {**motion, **known, "quiet": quiet, "stalled": stalled}


def live(jobs: Iterable[Any]) -> tuple[int | None, dict[str, dict[str, Any]]]:
    """Cursor and states of `jobs` (rows or ids) in the log, by id; (None, {}) without Redis.

    Read this first and the rows after it: a state is committed before it is published, so the rows
    are at least as new as the cursor.
    """
    ids = [str(job.pk if isinstance(job, Job) else job) for job in jobs]
    found = glance().read(lambda log: log.read(ids))
    return (found.cursor, found.states) if found else (None, {})


def completed(job: Job, said: Mapping[str, Any] | None) -> Progress:
    """The data of the last `progress` of a job that has succeeded. `said`: what its attempt has
    said last, which is read where it is not known."""
    if said is None:
        own = Attempt.objects.filter(job=job, number=job.attempt)
        said = own.values_list("progress", flat=True).first()
    return progress_of(snapshot(job, said))


def last_words(job_id: uuid.UUID | str) -> dict[int, LastWords]:
    """What attempts that died without an end have said, by their numbers. From their rows, which
    were written with the lease, or from the log where that has more. Never raises for want of
    Redis."""
    open_ones = Attempt.objects.filter(job_id=job_id, finished_at=None)
    return {attempt.number: _said(attempt) for attempt in open_ones}


def _said(attempt: Attempt) -> LastWords:
    try:
        told = log().told(str(attempt.job_id), attempt.number)
    except redis.RedisError as error:
        logger.warning("Redis did not tell what job %s has said: %s", attempt.job_id, error)
        told = Told({}, [], [])
    warnings: list[Problem] = [
        {"item": line["item"], "reason": line["text"].removeprefix(f"{line['item']}: ")}
        for line in told.lines
        if "item" in line
    ]
    known = {line["n"]: line for line in [*whole_log.numbered(told.lines), *attempt.lines]}
    lines = [known[n] for n in sorted(known)]
    stored = whole_log.stored_upto(attempt)
    missing = [line for line in lines if line["n"] > stored]
    course = Course(attempt.phases, attempt.samples)
    for progress in told.course:
        course.hear(progress)
    phases, samples = course.copy()
    return {
        "progress": max(told.progress, attempt.progress, key=_reached),
        "warnings": max(warnings[:WARNINGS_KEPT], attempt.warnings, key=len),
        "lines": lines[-LINES_KEPT:],
        "phases": phases,
        "samples": samples,
        "unstored": missing if len(missing) > LINES_KEPT else [],
    }


def _reached(progress: Progress | NoProgress) -> float:
    """Seconds into the attempt; -1 before the first progress."""
    known: Mapping[str, Any] = progress
    elapsed: float | None = known.get("elapsed")
    return -1.0 if elapsed is None else elapsed


def _committed(job: Job) -> Motion:
    """Motion as the row remembers it. Of a success all is done, though most tasks report a step
    before they take it and none after the last."""
    whole = job.status == Status.SUCCEEDED and job.total is not None
    return {
        "percent": job.percent,
        "current": _number(job.total if whole else job.current),
        "total": _number(job.total),
        "message": job.message,
        "phase": job.phase,
        "rate": None,
        "eta": None,
        "elapsed": _elapsed(job),
        "warnings": job.warning_count,
    }


def _elapsed(job: Job) -> float | None:
    if job.started_at is None:
        return None
    until = job.finished_at or datetime.now(UTC)
    return round(max(0.0, (until - job.started_at).total_seconds()), 1)


def _number(value: float | None) -> float | int | None:
    return int(value) if value is not None and value.is_integer() else value


def _iso(moment: datetime | None) -> str | None:
    return moment.astimezone(UTC).isoformat() if moment else None

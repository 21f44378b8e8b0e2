"""The snapshot of a job: its state from the database, its motion from Redis while it runs."""

import logging
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

import redis

from headway.kinds import registry
from headway.lifecycle.log import log
from headway.models import TERMINAL, Job, Status

logger = logging.getLogger(__name__)
MOTION = (
    "percent",
    "current",
    "total",
    "message",
    "phase",
    "rate",
    "eta",
    "elapsed",
    "warnings",
)


def state(job: Job) -> dict[str, Any]:
    """What the database decides; the data of a `state` event. Times are ISO 8601 in UTC."""
    known = {
        "job": str(job.pk),
        "kind": job.kind,
        "title": job.title,
        "unit": registry.unit(job.kind),
        "attempt": job.attempt,
        "status": str(job.status),
        "reason": job.reason,
        "created": _iso(job.created_at),
        "started": _iso(job.started_at),
        "finished": _iso(job.finished_at),
        "result": job.result,
        "files": list(job.files),
    }
    if job.status == Status.SUCCEEDED:
        known["percent"] = 100
    return known


def snapshot(job: Job, live: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Motion and state in one object. `live` is what `live()` found for this job: its motion is
    used unless it is another attempt's, none has begun, or the job has ended and the row knows."""
    motion = _committed(job)
    if live and live.get("attempt") == job.attempt and job.status != Status.QUEUED:
        names = ("rate", "elapsed") if job.status in TERMINAL else MOTION
        motion |= {name: live[name] for name in names if name in live}
    return motion | state(job)


def live(jobs: Iterable[Any]) -> tuple[int | None, dict[str, dict[str, Any]]]:
    """Cursor and states of `jobs` (rows or ids) in the log, by id; (None, {}) without Redis.

    Read this first and the rows after it: a state is committed before it is published, so the rows
    are at least as new as the cursor.
    """
    ids = [str(job.pk if isinstance(job, Job) else job) for job in jobs]
    try:
        found = log().read(ids)
    except redis.RedisError as error:
        logger.warning("Redis did not answer for %d jobs: %s", len(ids), error)
        return None, {}
    return found.cursor, found.states


def _committed(job: Job) -> dict[str, Any]:
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

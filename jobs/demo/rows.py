"""The rows of a story, as the worker, the pages and the janitor would have left them."""

import math
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from headway.kinds.declaration import TITLE
from headway.lifecycle import audit, causes
from headway.models import HELD, TERMINAL, Attempt, AuditEntry, Job, Status, Via
from headway.stream.event import LastWords, Progress
from headway.stream.record import Record
from jobs.demo.story import Story

TOKEN = "demo:"  # noqa: S105 - no secret, the mark of the demo's jobs
"""What the tokens of the demo's jobs begin with: those of others are hexadecimal."""
ADDRESS = "192.0.2.%d"
"""Addresses for documentation (RFC 5737)."""
LEASE = timedelta(days=1)
"""For how long a running job counts as alive, though nobody works on it. After that the janitor
finds it lost, as it would be."""
WORKER = "worker@demo/1-%d"
SAMPLES = 48


@dataclass
class Rows:
    """Not stored yet. `unstored` are the lines that do not fit into an attempt's row."""

    job: Job
    attempts: list[Attempt] = field(default_factory=list)
    entries: list[AuditEntry] = field(default_factory=list)
    unstored: list[tuple[Attempt, LastWords]] = field(default_factory=list)


def identity(story: Story) -> uuid.UUID:
    """The same at every run."""
    return uuid.uuid5(uuid.NAMESPACE_URL, f"headway-demo:{story.name}")


def rows(story: Story, people: Sequence[Any], now: datetime) -> Rows:
    """The job with its attempts and who did what."""
    asked = now - timedelta(hours=story.ago)
    made = Rows(_job(story, people[story.who], asked))
    at = asked + timedelta(seconds=story.waited)
    for number, (status, reason, took) in enumerate(story.before, 1):
        ended = at + timedelta(seconds=took)
        _add(made, story, number, (status, reason), (at, ended))
        at = ended + timedelta(seconds=5)
    if story.status in HELD | TERMINAL and made.job.attempt > len(story.before):
        finished = None if story.status in HELD else at + timedelta(seconds=story.took)
        _add(made, story, made.job.attempt, (story.status, story.reason), (at, finished))
        made.job.started_at, made.job.finished_at = at, finished
    elif story.status in TERMINAL:
        made.job.finished_at = at
    _settle(made, story, now)
    made.entries = [*_entries(made.job, story, people[story.who], asked)]
    return made


def _job(story: Story, owner: Any, asked: datetime) -> Job:
    pk = identity(story)
    never = story.status == Status.QUEUED or (story.status == Status.CANCELLED and not story.took)
    attempt = len(story.before) + (not never)
    return Job(
        id=pk,
        kind=story.kind,
        title=story.title[:TITLE],
        owner_id=owner.pk,
        params={"file": f"uploads/{pk}/{story.upload}"} if story.upload else dict(story.params),
        queue="celery",
        token=TOKEN + story.name,
        status=story.status,
        reason=story.reason,
        refused=story.refused,
        attempt=attempt,
        # Nobody works on those that run: once that is noticed, they are not to begin again.
        max_attempts=attempt if story.status in HELD else story.max_attempts,
        created_at=asked,
        published_at=asked,
    )


def _add(
    made: Rows,
    story: Story,
    number: int,
    end: tuple[Status, str],
    times: tuple[datetime, datetime | None],
) -> None:
    (status, reason), (began, ended) = end, times
    last = number == made.job.attempt
    said = _said(made.job, number, story, times, status)
    attempt = Attempt(
        job=made.job,
        number=number,
        status=Status.RUNNING if status in HELD else status,
        worker=WORKER % (4100 + number),
        due_at=began - timedelta(seconds=story.waited),
        started_at=began,
        finished_at=ended,
        reason=reason,
        error=story.error if last else "",
        **{name: value for name, value in said.items() if name != "unstored"},
    )
    made.attempts.append(attempt)
    if said["unstored"]:
        made.unstored.append((attempt, said))


def _said(
    job: Job,
    number: int,
    story: Story,
    times: tuple[datetime, datetime | None],
    status: Status,
) -> LastWords:
    """What this attempt has told, as the record of a worker keeps it."""
    record, (began, ended) = Record(), times
    took = (ended - began).total_seconds() if ended else story.took
    reached = story.percent if number > len(story.before) else 40.0
    born = began.timestamp()
    for index, name in enumerate(story.phases):
        record.course.enter(name, took * index / len(story.phases))
    for step in range(SAMPLES + 1):
        share = step / SAMPLES
        record.course.sample(took * share, *_pace(story, share, reached, took))
    if status in TERMINAL:
        record.course.end(took)
    said = [("log", "info", text) for text in story.lines]
    if number > len(story.before):
        for item, reason in story.warnings:
            record.warn(item, reason)
            said.append(("warning", "warning", f"{item}: {reason}"))
    for index, (kind, level, text) in enumerate(said):
        at = born + took * (index + 1) / (len(said) + 1)
        record.add(kind, level, text, round(at * 1000))
    return record.said(_progress(job, number, story, took, reached, record))


def _pace(
    story: Story, share: float, reached: float | None, took: float
) -> tuple[float | None, float | None]:
    """Percent and rate after a share of the time: slower at first, and in the last third."""
    wave = 0.9 + 0.08 * math.sin(31 * share) + 0.05 * math.sin(83 * share)
    wave -= 0.3 / (1 + math.exp(60 * (0.66 - share))) + 0.5 * math.exp(-30 * share)
    rate = story.total * (reached or 100) / 100 / took * wave if story.total and took else None
    return None if reached is None else round(reached * share, 2), rate


def _progress(
    job: Job, number: int, story: Story, took: float, reached: float | None, record: Record
) -> Progress:
    current = story.total * reached / 100 if story.total and reached is not None else story.total
    moving = story.status in HELD and number == job.attempt
    rate = current / took if moving and current and took else None
    left = round(took * (100 - reached) / reached) if moving and reached else None
    return {
        "job": str(job.pk),
        "attempt": number,
        "status": "running" if story.status in HELD else str(story.status),
        "percent": reached,
        "current": round(current, 1) if current is not None else None,
        "total": story.total if reached is not None else None,
        "message": story.message,
        "phase": story.phases[-1] if story.phases else "",
        "rate": rate,
        "eta": left,
        "elapsed": round(took, 1),
        "warnings": record.warning_count,
    }


def _settle(made: Rows, story: Story, now: datetime) -> None:
    """What the row of the job says of its newest attempt, and of what comes next."""
    job, newest = made.job, made.attempts[-1] if made.attempts else None
    if newest and story.status != Status.QUEUED:
        progress: Any = newest.progress
        job.worker = newest.worker
        job.percent, job.current, job.total = (progress[n] for n in ("percent", "current", "total"))
        job.message, job.phase = progress["message"], progress["phase"]
        job.warning_count = progress["warnings"]
        job.result, job.files = story.result, [*story.files]
    if story.status in (Status.FAILED, Status.LOST):
        job.cause = causes.fingerprint(story.kind, story.reason, story.error)
    if story.status in HELD:
        job.lease_until = now + LEASE
    if story.status == Status.CANCELLING:
        job.cancel_requested_at = now
    if story.due_in is not None:
        job.not_before = now + timedelta(seconds=story.due_in)
    elif story.status == Status.QUEUED:
        job.published_at = None  # the janitor does that: it is a job like any other


def _entries(job: Job, story: Story, person: Any, asked: datetime) -> Sequence[AuditEntry]:
    origin = audit.Origin(user=person, via=Via.PAGE, address=ADDRESS % (10 + story.who))
    with audit.coming_from(origin):
        told = [audit.entry("start", job, Status.QUEUED)]
        told += [audit.entry(verb, job, became) for verb, became in story.verbs]
    for number, entry in enumerate(told):
        until = job.finished_at or asked + timedelta(seconds=story.took)
        entry.at = asked if number == 0 else until
    return told

"""Stores the demo, and takes it away."""

import random
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Any

import redis
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.utils import timezone

from headway.lifecycle import announce, database, files, whole_log
from headway.lifecycle.log import log
from headway.models import ACTIVE, HELD, Attempt, AuditEntry, Job, Status, result_path
from headway.stream import Event
from jobs.demo import cast, contents, past, scenes
from jobs.demo.rows import ADDRESS, TOKEN, Rows, identity, rows
from jobs.demo.story import Story

BATCH = 200


def there() -> Any:
    """The jobs of the demo."""
    return Job.objects.filter(token__startswith=TOKEN)


def make(seed: int = 7) -> int:
    """Stores all of it, and returns the number of jobs; 0 where it is there already. Raises
    NobodyError."""
    if there().exists():
        return 0
    stories = [*scenes.all_states(), *past.month(random.Random(seed))]  # noqa: S311 - only data
    now = timezone.now()
    with database.atomic():
        people = cast.people()
        made = [rows(story, people, now) for story in stories]
        _store(made)
    _write_files(stories)
    _announce([each for each in made if each.job.status in ACTIVE])
    return len(made)


def remove() -> int:
    """Deletes the jobs of the demo with all that belongs to them, and the two people; returns the
    number of jobs. What people did to those jobs goes with them, since nothing happened."""
    keys = [*there().values_list("pk", flat=True)]
    for pk in keys:
        files.delete_all_of(pk)
    with suppress(redis.RedisError):  # which forgets by itself, in time
        log().forget(*map(str, keys))
    told = AuditEntry.objects.filter(address__startswith=ADDRESS.partition("%")[0])
    with database.atomic():
        for start in range(0, len(keys), BATCH):
            told.filter(job_id__in=keys[start : start + BATCH]).delete()
        there().delete()
        cast.made().delete()
    return len(keys)


def _store(made: Sequence[Rows]) -> None:
    jobs = [each.job for each in made]
    attempts = [attempt for each in made for attempt in each.attempts]
    entries = sorted((entry for each in made for entry in each.entries), key=lambda each: each.at)
    asked, done = [job.created_at for job in jobs], [entry.at for entry in entries]
    Job.objects.bulk_create(jobs, BATCH)
    Attempt.objects.bulk_create(attempts, BATCH)
    AuditEntry.objects.bulk_create(entries, BATCH)
    # Both have the time of the insert, whatever they had before.
    for job, at in zip(jobs, asked, strict=True):
        job.created_at = at
    for entry, at in zip(entries, done, strict=True):
        entry.at = at
    Job.objects.bulk_update(jobs, ["created_at"], BATCH)
    AuditEntry.objects.bulk_update(entries, ["at"], BATCH)
    for each in made:
        for attempt, said in each.unstored:
            whole_log.store(attempt, said["unstored"])


def _write_files(stories: Iterable[Story]) -> None:
    for story in stories:
        pk, attempt = identity(story), len(story.before) + 1
        for name, text in story.files.items():
            default_storage.save(result_path(pk, attempt, name), ContentFile(text.encode()))
        if story.upload and not story.name.startswith(past.PREFIX):
            content = ContentFile(contents.SAMPLE.encode())
            default_storage.save(f"uploads/{pk}/{story.upload}", content)


def _announce(active: Sequence[Rows]) -> None:
    """Tells open pages, and Redis how far those are that run. Without Redis the rows say it."""
    if announce.created(*(each.job for each in active)):
        with suppress(redis.RedisError):
            _announce_motion(active)


def _announce_motion(active: Sequence[Rows]) -> None:
    for each in active:
        if each.job.status == Status.CANCELLING:
            announce.state(each.job.pk, each.job)
        elif each.job.status in HELD:
            newest = each.attempts[-1]
            event = Event("progress", newest.progress)
            log().append(str(each.job.pk), event, attempt=newest.number)

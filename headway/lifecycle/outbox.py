"""Whom to tell that a job has ended: written with its end, so that no death of a process loses
it."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.db.models.functions import Now

from headway.conf import conf
from headway.lifecycle import database
from headway.models import TERMINAL, Job, Notice, NoticeChoice

KEPT = timedelta(days=7)
"""How long what was told, or given up, can be looked up."""
PER_SWEEP = 1000


def ended(job_id: UUID | str, became: str, row: Job | None = None) -> None:
    """Notes whom to tell, if the job has ended and its owner wants to know. To be called within the
    transaction in which it `became` what it is; `row` is the job as that leaves it, where it is
    known."""
    if became not in TERMINAL:
        return
    job = row or Job.objects.filter(pk=job_id, notify=True).first()
    if job is None or not job.notify or job.owner_id is None:
        return
    choice = chosen(job.owner_id)
    Notice.objects.bulk_create(
        Notice(
            owner_id=job.owner_id,
            channel=channel,
            job_id=job.pk,
            kind=job.kind,
            status=became,
            due_at=Now(),
        )
        for channel in choice.channels()
        if channel in conf.NOTICES
    )


def withdraw(job_id: UUID) -> None:
    """Takes out of the outbox that a job has ended, as far as nobody was told yet."""
    Notice.objects.filter(job_id=job_id, due_at__isnull=False).delete()


def want(job: Job, wanted: bool) -> bool:
    """Whether the owner of a job is to be told of its end. False when it has ended."""
    return bool(Job.objects.active().filter(pk=job.pk).update(notify=wanted))


def chosen(owner: Any) -> NoticeChoice:
    """How a person, by their key, is told."""
    known = NoticeChoice.objects.filter(owner_id=owner).first()
    return known or NoticeChoice(owner_id=owner)


def choose(owner: Any, values: Mapping[str, Any]) -> NoticeChoice:
    """Changes how a person is told."""
    with database.atomic():
        choice, _ = NoticeChoice.objects.update_or_create(owner_id=owner, defaults=values)
    return choice


def speaks(owner: Any, language: str) -> None:
    """Notes in which language a person reads, if they are told by any way."""
    NoticeChoice.objects.filter(owner_id=owner).update(language=language)


def recent(owner: Any) -> QuerySet[Notice]:
    """The last notices of a person, newest first."""
    return Notice.objects.filter(owner_id=owner)[:5]


def prune() -> bool:
    """Deletes what was told, or given up, long ago; True: there may be more of it."""
    old = Notice.objects.filter(due_at=None, created_at__lt=Now() - KEPT)
    keys = [*old.order_by("created_at").values_list("pk", flat=True)[:PER_SWEEP]]
    Notice.objects.filter(pk__in=keys).delete()
    return len(keys) == PER_SWEEP

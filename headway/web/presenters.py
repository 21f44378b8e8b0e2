"""Jobs as pages show them: the database row, updated with live progress from Redis."""

import math
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

from django.db.models import Model, prefetch_related_objects
from django.http import Http404, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone

from headway.conf import conf
from headway.kinds import json_values, registry, secrets
from headway.lifecycle import outbox, queue, snapshots, undo
from headway.models import ACTIVE, HELD, TERMINAL, Job, Status
from headway.policy import policy
from headway.stream.event import Snapshot
from headway.users import Person, User
from headway.web import words
from headway.web.outcomes import outcome, written
from headway.web.responses import vary
from headway.web.told import called

MAX_IN_TRAY = 10
HINT = 80
"""Characters of what tells a job from others, at most: a parameter may be a whole page."""


@dataclass(frozen=True, slots=True)
class Shown:
    """One job with its snapshot and the cursor from which a stream continues it."""

    job: Job
    snap: Snapshot
    cursor: int | None
    """None when Redis did not answer."""
    viewer: User
    """For whose eyes it is."""
    usually: float | None = None
    """Seconds that such jobs take, where this one took notably more, or less."""
    why: str = ""
    """What it waits for, where `explained` has looked."""

    @property
    def is_active(self) -> bool:
        return self.job.status in ACTIVE

    @property
    def is_moving(self) -> bool:
        return self.job.status in HELD

    @property
    def advances(self) -> bool:
        """Whether it gets on: only then its rate, and what remains, are known."""
        return self.job.status == Status.RUNNING and not self.snap["stalled"]

    @property
    def can_cancel(self) -> bool:
        possible = self.job.status in ACTIVE and self.job.cancel_requested_at is None
        return possible and not self.job.observed and policy.may_cancel(self.viewer, self.job)

    @property
    def can_retry(self) -> bool:
        """Whether Retry is offered: not for what would end the same way again."""
        possible = self.job.status in TERMINAL - {Status.SUCCEEDED} and not self.job.refused
        return (
            possible
            and self.kind is not None
            and not self.job.observed
            and policy.may_retry(self.viewer, self.job)
        )

    @property
    def undo_left(self) -> int:
        """For how many seconds Undo is offered still."""
        left = math.ceil(undo.seconds_left(self.job))
        return left if left and undo.may_undo(self.viewer, self.job, undo.verb_of(self.job)) else 0

    @property
    def can_start_again(self) -> bool:
        """Whether the form of its kind can be filled with what it was given."""
        kind = self.kind
        if kind is None or kind.is_internal:
            return False
        given = self.sees_inputs and bool(self.job.params)
        return given and policy.may_start(self.viewer, kind.name)

    @property
    def kind(self) -> registry.Kind | None:
        return registry.find(self.job.kind)

    @property
    def ended_badly(self) -> bool:
        return self.job.status in (Status.FAILED, Status.LOST)

    @property
    def attempt(self) -> int:
        """The attempt that the page is about: of a queued job the one that comes next."""
        return self.job.attempt + (self.job.status == Status.QUEUED)

    @property
    def hint(self) -> str:
        internal = self.kind and self.kind.is_internal  # its title says it all
        return "" if internal or not self.sees_inputs else _hint(self.job)

    @property
    def outcome(self) -> str:
        """What came of a job that has ended, in words."""
        return outcome(self.job)

    @property
    def says(self) -> str:
        """What its task may say, for the scripts, translated; "" where nothing is."""
        return words.phrases(self.job.kind) if self.is_moving else ""

    @property
    def sees_inputs(self) -> bool:
        return policy.may_see_inputs(self.viewer, self.job)

    @property
    def sees_trail(self) -> bool:
        return policy.may_see_trail(self.viewer, self.job)

    @property
    def browses(self) -> bool:
        """Whether there is a list of everybody's jobs for the viewer."""
        return policy.may_browse(self.viewer)

    @property
    def sees_workers(self) -> bool:
        """Whether attempts name their workers, and so the machines: as the system page does."""
        return self.browses

    @property
    def can_share(self) -> bool:
        return policy.may_share(self.viewer, self.job)

    @property
    def told_by(self) -> list[str]:
        """By what, beside their browser, its owner is told of its end."""
        channels = outbox.chosen(self.job.owner_id).channels()
        return [str(each.label) for each in channels if each in conf.NOTICES]

    @property
    def is_own(self) -> bool:
        return self.job.owner_id == self.viewer.pk

    @property
    def elapsed(self) -> float | None:
        """Seconds that the newest attempt has run, or ran."""
        if self.job.started_at is None:
            return None
        until = self.job.finished_at or timezone.now()
        return max(0.0, (until - self.job.started_at).total_seconds())


def _hint(job: Job) -> str:
    """What tells this job from others of its kind: its parameters, in short."""
    prefix = f"uploads/{job.pk}/"
    parts = []
    hidden = secrets.names(job.params)
    for name, value in job.params.items():
        if name in hidden:
            continue
        if isinstance(value, str) and value.startswith(prefix):
            return value.removeprefix(prefix)
        if isinstance(value, str | int | float) and not isinstance(value, bool) and value != "":
            parts.append(f"{called(name)} {written(value)}")
    return json_values.text(", ".join(parts[:3]), HINT)


def show(ids: Sequence[uuid.UUID], viewer: User) -> list[Shown]:
    """The jobs of `ids`, in that order, for a viewer who may see them; those that are gone are
    left out.

    Redis is read before the database: a state is committed before it is published, so whatever
    the cursor has passed is in the rows read after it.
    """
    cursor, states = snapshots.live(ids)
    jobs = Job.objects.in_bulk(ids)
    _know_owners(jobs.values(), viewer)
    return [
        Shown(jobs[pk], snapshots.snapshot(jobs[pk], states.get(str(pk))), cursor, viewer)
        for pk in ids
        if pk in jobs
    ]


def explained(items: Sequence[Shown]) -> list[Shown]:
    """The same, with what those that are queued wait for."""
    told = queue.reasons(item.job for item in items)
    return [replace(item, why=told.get(item.job.pk, "")) for item in items]


def _know_owners(jobs: Iterable[Job], viewer: User) -> None:
    """Reads the owners of jobs with one query; none for the viewer's own."""
    others = []
    for job in jobs:
        if job.owner_id is not None and job.owner_id == viewer.pk:
            Job._meta.get_field("owner").set_cached_value(job, cast("Model", viewer))
        else:
            others.append(job)
    prefetch_related_objects(others, "owner")


def tray(viewer: Person) -> dict[str, Any]:
    """The newest of a user's jobs that have not ended, as the tray shows them."""
    mine = policy.visible(Job.objects.filter(owner=viewer, status__in=ACTIVE), viewer)
    items = show(list(mine.values_list("pk", flat=True)[:MAX_IN_TRAY]), viewer)
    return {"user": viewer, "items": items, "statuses": " ".join(sorted(ACTIVE))}


def show_visible(pk: uuid.UUID, viewer: User) -> Shown:
    """One job, whose row is read once, after Redis (see `show`). Raises Http404 when there is none,
    or none that the viewer may see."""
    cursor, states = snapshots.live([pk])
    job = policy.visible(Job.objects.filter(pk=pk), viewer).first()
    if job is None:
        raise Http404
    _know_owners([job], viewer)
    return Shown(job, snapshots.snapshot(job, states.get(str(pk))), cursor, viewer)


def show_one(job: Job, viewer: User) -> Shown:
    """One job whose row was read before, and checked; read again (see `show`). Raises Http404 when
    it has been deleted meanwhile."""
    for item in show([job.pk], viewer):
        return item
    raise Http404


def accepted(job: Job) -> HttpResponse:
    """202: the snapshot of a job that was told something, and where to follow it. From the row
    alone: telling it may have taken all the time that there is to wait for a Redis that hangs.
    Raises Http404 when the job has been deleted meanwhile."""
    job = get_object_or_404(Job, pk=job.pk)
    urls = {
        "page": job.get_absolute_url(),
        "status": reverse("headway:status", args=[job.pk]),
        "events": reverse("headway:job_events", args=[job.pk]),
    }
    response = JsonResponse(snapshots.snapshot(job) | {"urls": urls}, status=202)
    response["Location"] = urls["status"]
    return vary(response)

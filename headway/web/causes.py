"""Failures grouped by cause: same kind, same error, as its fingerprint says. Found among the newest
failures, counted along an index up to a thousand each."""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from django.db.models import F

from headway.kinds import registry
from headway.lifecycle.causes import last_line
from headway.models import Attempt, Job, JobQuerySet
from headway.policy import allowed, policy
from headway.users import User
from headway.web import questions
from headway.web.counting import counted, counts
from headway.web.questions import BADLY, Question
from headway.web.runs import Run

LOOKED_AT = 1000
"""Failures, the newest, among which causes are found."""
SHOWN = 20


@dataclass
class Cause:
    """What some jobs failed by."""

    kind: str
    cause: str
    reason: str
    """Of the newest of them, as users read it."""
    newest: uuid.UUID
    last: datetime
    since: datetime
    number: int = 0
    refused: bool = True
    """Whether each that was looked at would end the same way again."""
    inside: str = ""
    """What the exception says, for those who may see tracebacks."""
    query: str = ""
    """Of the list of them."""

    @property
    def title(self) -> str:
        """Of their kind."""
        kind = registry.find(self.kind)
        return str(kind.title) if kind else self.kind

    @property
    def told(self) -> str:
        """How many: 214, or 1,000+."""
        return counted(self.number)

    @property
    def retryable(self) -> bool:
        """Whether this code knows their kind, and a retry can help."""
        return not self.refused and registry.find(self.kind) is not None


@dataclass
class Causes:
    """Those of the newest failures, the most frequent first."""

    found: list[Cause] = field(default_factory=list)
    more: int = 0
    """Causes that are not shown."""
    back_to: datetime | None = None
    """When the oldest failure was queued that was looked at, if there are more."""


def causes(question: Question, viewer: User) -> Causes:
    """What jobs failed by, among those that a question is about; its text and status say nothing
    here. Four queries, five for those who may see tracebacks."""
    question = replace(question, status="bad", text="", sort="", cause="")
    jobs = questions.asked(question, viewer)
    columns = ("created_at", "pk", "kind", "cause", "reason", "refused")
    rows: list[Any] = []
    for status in sorted(BADLY):
        some = jobs.filter(status=status).order_by("-created_at", "-pk")
        rows += some.values_list(*columns)[:LOOKED_AT]
    rows.sort(reverse=True)
    groups = _grouped(rows[:LOOKED_AT])
    found = sorted(groups, key=lambda each: (-each.number, -each.last.timestamp()))[:SHOWN]
    _count(found, question, viewer)
    if allowed(policy.may_see_tracebacks, viewer, None):
        _look_inside(found)
    oldest = rows[LOOKED_AT - 1][0] if len(rows) > LOOKED_AT else None
    return Causes(found, len(groups) - len(found), oldest)


def of_runs(kind: str, runs: Iterable[Run]) -> list[Cause]:
    """The same of some runs of one kind."""
    bad = [run for run in runs if run.status in BADLY]
    groups = _grouped([(run.queued, run.id, kind, run.cause, run.reason, False) for run in bad])
    for each in groups:
        each.query = Question(status="bad", cause=each.cause).query()
    return sorted(groups, key=lambda each: -each.number)


def _grouped(rows: Sequence[Any]) -> list[Cause]:
    """Of rows with the newest first."""
    groups: dict[str, Cause] = {}
    for created, pk, kind, cause, reason, refused in rows:
        if not cause:
            continue  # an index would not find it again
        known = groups.setdefault(cause, Cause(kind, cause, reason, pk, created, created))
        known.number += 1
        known.since = created
        known.refused &= refused
    return [*groups.values()]


def _count(found: Sequence[Cause], question: Question, viewer: User) -> None:
    """All of them, and since when, beyond those that were looked at."""
    parts: dict[str, JobQuerySet] = {}
    for each in found:
        alike = replace(question, kind="", cause=each.cause)  # which tells the kind as well
        each.query = alike.query()
        parts[each.query] = questions.asked(alike, viewer)
    bad = {query: jobs.filter(status__in=BADLY) for query, jobs in parts.items()}
    numbers, oldest = counts(bad), _oldest(parts)
    for each in found:
        each.number = numbers.get(each.query, each.number)
        each.since = oldest.get(each.cause, each.since)


def _oldest(parts: Mapping[str, JobQuerySet]) -> dict[str, datetime]:
    """Of parts of any status: two conditions on it would hide the index of causes from SQLite."""
    arms = [
        Job.objects.filter(
            pk__in=jobs.filter(status=status).order_by("created_at", "pk")[:1].values("pk")
        )
        .order_by()
        .values_list("cause", "created_at")
        for jobs in parts.values()
        for status in sorted(BADLY)
    ]
    told: dict[str, datetime] = {}
    for cause, created in arms[0].union(*arms[1:], all=True) if arms else []:
        told[str(cause)] = min(created, told.get(str(cause), created))
    return told


def _look_inside(found: Sequence[Cause]) -> None:
    newest = Attempt.objects.filter(
        job_id__in=[each.newest for each in found], number=F("job__attempt")
    )
    errors = dict(newest.values_list("job_id", "error"))
    for each in found:
        each.inside = last_line(errors.get(each.newest, ""))[:300]

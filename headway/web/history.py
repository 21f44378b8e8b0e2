"""Answers a question with one page of jobs: those that are at it first, then what has ended. What
no index answers is looked for among so many rows at a time."""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from django.db.models import DurationField, ExpressionWrapper, F, OuterRef, Q, Subquery, TextField
from django.db.models.functions import Cast, Coalesce
from django.utils import timezone

from headway.lifecycle import snapshots
from headway.lifecycle.causes import OUT_OF_TIME
from headway.models import ACTIVE, HELD, TERMINAL, Attempt, JobQuerySet, Status
from headway.policy import searches_inputs
from headway.users import User
from headway.web import questions
from headway.web.keyset import LAST, Cursor, Key, first, groups, less, newer, older
from headway.web.questions import Question

PER_PAGE = 20
MAX_ACTIVE = 10
"""Jobs that are at it above those that have ended; a page of only them has PER_PAGE."""
SCAN = 10_000
"""Rows that are looked through at once."""
SORTED = 1500
"""The same of a sort: of 10,000 SQLite, which asks Python for each difference, takes 1.4 s."""
MAX_STALLED = 1000
"""Running jobs of which is read whether they move."""
LATER = timedelta(minutes=10)
"""By how much clocks of web processes may differ."""


@dataclass
class Answer:
    """One page of the list."""

    active: list[Any] = field(default_factory=list)
    """Ids of jobs that are at it, newest first."""
    more_active: bool = False
    ended: list[Any] = field(default_factory=list)
    """Ids of the others; of jobs in any state where rows are looked through."""
    after: Cursor | None = None
    """Where the next page begins; None on the last one."""
    looked_until: Any = None
    """When the oldest row was created that was looked through, if there are more."""


def answer(question: Question, viewer: User, cursor: Cursor | None = None) -> Answer:
    """One page. Raises what the database raises."""
    jobs = questions.asked(question, viewer)
    if question.status == "stalled":
        return Answer(active=stalled(question, viewer)[:PER_PAGE])
    if question.looks_through:
        return _looked_through(jobs, question, viewer, cursor)
    statuses = question.statuses
    if statuses == ACTIVE:
        return _page(Answer(), jobs, ACTIVE, cursor)
    if cursor is None and ACTIVE & statuses:
        return _first_page(jobs)
    return _page(Answer(), jobs, statuses & TERMINAL, cursor)


def _scanned(
    jobs: JobQuerySet, question: Question, statuses: frozenset[Status]
) -> list[JobQuerySet]:
    """All states together along the index by creation; a kind has none that leaves states out."""
    everything = statuses == frozenset(Status) and not question.kind
    return [jobs] if everything else _parts(jobs, statuses)


def _parts(jobs: JobQuerySet, statuses: Iterable[Status]) -> list[JobQuerySet]:
    return [jobs.filter(status=status) for status in sorted(statuses)]


def _first_page(jobs: JobQuerySet) -> Answer:
    """Of those that are at it the newest, but who is at work before who waits."""
    held, waiting, ended = groups(
        [
            (_parts(jobs, HELD), MAX_ACTIVE + 1),
            (_parts(jobs, ACTIVE - HELD), MAX_ACTIVE + 1),
            (_parts(jobs, TERMINAL), PER_PAGE + 1),
        ]
    )
    active = (held + waiting)[:MAX_ACTIVE]
    active.sort(reverse=True)
    more = len(held) + len(waiting) > MAX_ACTIVE
    found = Answer(active=[key.id for key in active], more_active=more)
    _fill(found, ended)
    return found


def _page(
    found: Answer, jobs: JobQuerySet, statuses: Iterable[Status], cursor: Cursor | None
) -> Answer:
    if cursor:
        jobs = jobs.filter(older(cursor.after))
    _fill(found, first(_parts(jobs, statuses), "created_at", PER_PAGE + 1))
    return found


def _fill(found: Answer, keys: list[Key], top: Key | None = None) -> None:
    found.ended = [key.id for key in keys[:PER_PAGE]]
    if len(keys) > PER_PAGE:
        found.after = Cursor(keys[PER_PAGE - 1], top)


def _looked_through(
    jobs: JobQuerySet, question: Question, viewer: User, cursor: Cursor | None
) -> Answer:
    """A search goes on after its cursor, through the next rows; a sort is one of the same rows on
    each of its pages."""
    statuses = question.statuses if not question.sort else question.statuses & TERMINAL
    top = cursor.top or cursor.after if cursor else None
    if top is None and question.sort:
        top = Key.of(timezone.now() + LATER, LAST)
    if top:
        jobs = jobs.filter(older(top, itself=bool(question.sort)))
    scan = min(SCAN, SORTED) if question.sort else SCAN
    ends = first(_scanned(jobs, question, statuses), "created_at", 1, scan - 1)
    if ends:
        jobs = jobs.filter(newer(ends[0]))
    jobs = _matching(jobs, question, viewer)
    found = Answer(looked_until=ends[0].moment if ends else None)
    if question.sort:
        jobs = jobs.alias(took=_took(question.sort)).filter(took__isnull=False)
        jobs = jobs.filter(less(cursor.after)) if cursor else jobs
        _fill(found, first(_scanned(jobs, question, statuses), "took", PER_PAGE + 1), top)
    else:
        _fill(found, first(_scanned(jobs, question, statuses), "created_at", PER_PAGE + 1))
        if ends and not found.after:
            found.after = Cursor(ends[0])
    return found


def _matching(jobs: JobQuerySet, question: Question, viewer: User) -> JobQuerySet:
    if question.status == "timed-out":
        jobs = jobs.filter(reason__startswith=OUT_OF_TIME)
    if not question.text:
        return jobs
    names = ["title", "message", "reason"]
    texts = {question.text}
    if searches_inputs(viewer, own=not question.person):
        jobs = jobs.alias(inputs=Cast("params", TextField()))
        names.append("inputs")
        # As JSON writes it: quotes are escaped, and on SQLite all that is no ASCII
        texts |= {json.dumps(question.text, ensure_ascii=each)[1:-1] for each in (True, False)}
    wanted = Q()
    for name in names:
        for text in texts if name == "inputs" else {question.text}:
            wanted |= Q(**{f"{name}__icontains": text})
    return jobs.filter(wanted)


def _took(sort: str) -> Any:
    """How long its last attempt ran; how long it waited for its first one."""
    begun = Attempt.objects.filter(job=OuterRef("pk"), number=1).values("started_at")[:1]
    if sort == "longest":
        between = F("finished_at") - F("started_at")
    else:
        between = Coalesce(Subquery(begun), F("started_at")) - F("created_at")
    return ExpressionWrapper(between, output_field=DurationField())


def stalled(question: Question, viewer: User) -> list[Any]:
    """Ids of those of the newest that run that do not move: what moves is in Redis."""
    jobs = questions.asked(question, viewer).filter(status=Status.RUNNING)
    jobs = _matching(jobs, question, viewer)
    running = {str(job.pk): job for job in jobs.order_by("-created_at", "-pk")[:MAX_STALLED]}
    _, states = snapshots.live(list(running.values()))
    return [
        job.pk
        for key, job in running.items()
        if snapshots.snapshot(job, states.get(key)).get("stalled")
    ]

"""The list of jobs as its page shows it: an answer to a question, with what else one may ask."""

from collections.abc import Iterable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from itertools import groupby
from typing import Any

from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from headway.kinds import registry
from headway.lifecycle.causes import OUT_OF_TIME
from headway.models import ACTIVE, HELD, TERMINAL, Job, SavedQuestion, Status
from headway.policy import shows_own
from headway.web import days, questions
from headway.web.access import person
from headway.web.compared import compared
from headway.web.counting import MOST, counted, counts
from headway.web.days import Days
from headway.web.formatting import day
from headway.web.history import PER_PAGE, SCAN, SORTED, Answer, answer, stalled
from headway.web.keyset import Cursor
from headway.web.presenters import Shown, explained, show
from headway.web.questions import BADLY, EVERYBODY, SORTS, STATUSES, Question
from headway.web.start_menu import menu, trial
from headway.web.time_limit import SECONDS, TooSlowError, limited

RECENT = PER_PAGE
"""Jobs whose kinds count as recent: so many of the newest are on the first page."""
MAX_KINDS = 12
"""Kinds that are counted, of more the first."""
TOO_SLOW = gettext_noop(
    "This took the database longer than {seconds} s. Choose a status, a kind or fewer days."
)


@dataclass(frozen=True)
class Group:
    """Rows below one heading, which may be empty."""

    key: str
    heading: str
    items: Sequence[Shown]


@dataclass
class Found:
    """What the database said."""

    answer: Answer = field(default_factory=Answer)
    items: list[Shown] = field(default_factory=list)
    counted: dict[Any, int] = field(default_factory=dict)
    days: Days | None = None
    too_slow: bool = False


def context(request: HttpRequest) -> dict[str, Any]:
    """For the template of the list."""
    viewer = person(request)
    question, wrong = Question.read(request.GET.dict())
    # What the policy says costs queries, which most people's own lists need not
    plain = not question.person and shows_own(viewer)
    browses = not plain and questions.may_ask_about_others(viewer)
    if question.person and not browses:
        wrong.append(_("You may see only your own jobs."))
    cursor = Cursor.read(request.GET.get("after", ""))
    found = _find(question, viewer, cursor)
    start = menu(request, _recent(question, viewer, cursor, found))
    fresh = not found.items and not question.query()
    return {
        **start,
        "trial": trial(start["choices"]) if fresh else {},
        "question": question,
        "wrong": wrong,
        "too_slow": _(TOO_SLOW).format(seconds=f"{SECONDS:.0f}") if found.too_slow else "",
        "browses": browses,
        "title": title(question, browses),
        "statuses": _statuses(question, found),
        "matching": _matching(question, found),
        "kinds": _kinds(question, found),
        "sorts": [(value, label, value == question.sort) for value, label in SORTS.items()],
        "saved": list(SavedQuestion.objects.filter(owner_id=viewer.pk)),
        "answer": found.answer,
        "days": found.days,
        "any_cause": question.query(cause=""),
        "by_cause": question.query(cause="", sort="") if question.statuses <= BADLY else "",
        "groups": _groups(found.items, question),
        "items": found.items,
        "page_cursor": cursor,
        "scan": min(SCAN, SORTED) if question.sort else SCAN,
        "all_active": question.query(status="active"),
        "lists_jobs": True,
        "shown_statuses": " ".join(sorted(question.statuses)),
        "grows": cursor is None,
        "pins": cursor is None and not question.looks_through and len(question.statuses) > 1,
        "mine": not question.person or not browses,
        "has_active": any(item.is_active for item in found.items),
        "cursor": found.items[0].cursor if found.items else None,
        "redis_answers": not found.items or found.items[0].cursor is not None,
        "waiting": _waiting(found, every=plain and not question.narrowed),
    }


def _find(question: Question, viewer: Any, cursor: Cursor | None) -> Found:
    found = Found()
    try:
        with limited() if question.narrowed or question.looks_through else nullcontext():
            found.answer = answer(question, viewer, cursor)
            found.counted = count(question, viewer)
    except TooSlowError:
        found.too_slow = True
        return found
    rows = show([*found.answer.active, *found.answer.ended], viewer)
    found.items = compared(explained(rows), viewer)
    found.days = days.days(question, viewer, found.counted)
    if found.counted:
        found.counted["stalled"] = _stalled(question, viewer, found)
    return found


def _stalled(question: Question, viewer: Any, found: Found) -> int:
    """Of those that run; Redis is asked again where not all of them are on the page."""
    shown = [item for item in found.items if item.job.status == Status.RUNNING]
    if found.counted[Status.RUNNING] > len(shown):
        return len(stalled(replace(question, status="stalled"), viewer))
    return sum(bool(item.snap["stalled"]) for item in shown)


def _recent(question: Question, viewer: Any, cursor: Cursor | None, found: Found) -> list[str]:
    """The kinds of one's newest jobs, the last first. Where the page begins with one's own jobs in
    every state, and all that are active, these jobs are on it."""
    if question == Question() and cursor is None and not found.answer.more_active:
        jobs = sorted((item.job for item in found.items), key=_age, reverse=True)
        kinds = [job.kind for job in jobs]
    else:
        newest = questions.asked(Question(), viewer).order_by("-created_at", "-pk")
        kinds = list(newest.values_list("kind", flat=True)[:RECENT])
    return list(dict.fromkeys(kinds[:RECENT]))


def _age(job: Job) -> tuple[Any, Any]:
    return job.created_at, job.pk


def count(question: Question, viewer: Any) -> dict[Any, int]:
    """What the links above the list and its chart say of today, by one statement."""
    today = days.today(question, viewer)
    return counts(_parts(question, viewer) | today, dict.fromkeys(today, days.MOST))


def _parts(question: Question, viewer: Any) -> dict[Any, Any]:
    """What is counted. What a text matches would have to be looked through."""
    if question.text:
        return {}
    jobs = questions.asked(question, viewer)
    parts: dict[Any, Any] = {status: jobs.filter(status=status) for status in Status}
    newest = jobs.filter(status=Status.FAILED).order_by("-created_at", "-pk")[: MOST + 1]
    parts["timed-out"] = Job.objects.filter(
        pk__in=newest.values("pk"), reason__startswith=OUT_OF_TIME
    )
    if question.narrowed and not question.cause:  # which tells the kind
        every = questions.asked(replace(question, kind=""), viewer)
        for name in sorted(registry.kinds(), key=question.kind.__ne__)[:MAX_KINDS]:
            parts["kind", name] = every.filter(kind=name)
    return parts


def _statuses(question: Question, found: Found) -> list[tuple[str, str, str, bool]]:
    """Address, label, count and whether it is the one that is shown, of each link."""
    links = []
    moving = any(found.counted.get(status) for status in HELD)
    for value, (label, statuses) in STATUSES.items():
        number = sum(found.counted.get(status, 0) for status in statuses)
        if value in ("stalled", "timed-out"):
            number = found.counted.get(value, 0)
        chosen = value == question.status
        always = value in ("", "active", "bad") or (value == "stalled" and moving)
        if number or chosen or always or not found.counted:
            told = counted(number) if found.counted and value and number else ""
            sort = question.sort if statuses & TERMINAL else ""
            links.append((question.query(status=value, sort=sort), label, told, chosen))
    return links


def _matching(question: Question, found: Found) -> str:
    """How many jobs are answers; "" where that is not counted."""
    known = question.status not in ("stalled", "timed-out") and found.counted
    return counted(sum(known.get(status, 0) for status in question.statuses)) if known else ""


def _waiting(found: Found, *, every: bool) -> bool | None:
    """Whether jobs that the viewer may see are queued, by the counts. Only where those are of
    `every` job they tell that there is none; None where nobody knows."""
    if found.counted.get(Status.QUEUED):
        return True
    return False if every and found.counted else None


def _kinds(question: Question, found: Found) -> list[tuple[str, str, bool]]:
    titles = {name: str(kind.title) for name, kind in registry.kinds().items()}
    if question.kind and question.kind not in titles:
        titles[question.kind] = _("{kind} (no longer installed)").format(kind=question.kind)
    return [
        (name, title + _number(found.counted.get(("kind", name))), name == question.kind)
        for name, title in titles.items()
    ]


def _number(number: int | None) -> str:
    return "" if number is None else f" ({counted(number)})"


def title(question: Question, browses: bool) -> str:
    """Whose jobs the list shows."""
    if not question.person or not browses:
        return _("My jobs")
    if question.person == EVERYBODY:
        return _("Everybody's jobs")
    return _("Jobs of {person}").format(person=question.person)


def _groups(items: Iterable[Shown], question: Question) -> list[Group]:
    """What is at it, then what has ended, by the days on which it was queued."""

    def key(item: Shown) -> str:
        if question.sort:
            return "sorted"
        if not question.looks_through and item.job.status in ACTIVE:
            return ""
        return timezone.localtime(item.job.created_at).date().isoformat()

    groups = []
    for name, some in groupby(items, key):
        rows = list(some)
        heading = day(rows[0].job.created_at) if name and not question.sort else ""
        groups.append(Group(name, heading, rows))
    return groups

"""What somebody asks the list of jobs: read from an address, written to one, asked of the database.
Every question is a URL; what it says wrong is left out and told."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from datetime import date, datetime, time, timedelta
from typing import Any
from urllib.parse import urlencode

from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from headway import users
from headway.lifecycle.causes import CAUSE
from headway.models import ACTIVE, Job, JobQuerySet, Status
from headway.policy import allowed, policy
from headway.users import User

EVERYBODY = "*"
MAX_TEXT = 200
DAY = re.compile(r"(19[7-9]|2[0-9]{2})[0-9]-[0-9]{2}-[0-9]{2}")
BADLY = frozenset({Status.FAILED, Status.LOST})
STATUSES: dict[str, tuple[Any, frozenset[Status]]] = {
    "": (gettext_lazy("All"), frozenset(Status)),
    "active": (gettext_lazy("Active"), ACTIVE),
    "stalled": (gettext_lazy("Stalled"), frozenset({Status.RUNNING})),
    "succeeded": (gettext_lazy("Succeeded"), frozenset({Status.SUCCEEDED})),
    "bad": (gettext_lazy("Ended badly"), BADLY),
    "failed": (gettext_lazy("Failed"), frozenset({Status.FAILED})),
    "timed-out": (gettext_lazy("Timed out"), frozenset({Status.FAILED})),
    "lost": (gettext_lazy("Lost"), frozenset({Status.LOST})),
    "cancelled": (gettext_lazy("Cancelled"), frozenset({Status.CANCELLED})),
}
"""Value of ?status= -> what its link says, and the statuses it shows."""
SORTS = {
    "": gettext_lazy("Newest"),
    "longest": gettext_lazy("Longest"),
    "slowest": gettext_lazy("Slowest to start"),
}


@dataclass(frozen=True)
class Question:
    """Which jobs, and in which order; "" leaves a matter open."""

    status: str = ""
    kind: str = ""
    person: str = ""
    """A name to sign in by, EVERYBODY, or "" for the one who asks."""
    text: str = ""
    since: str = ""
    until: str = ""
    """Days, as 2026-11-29, both included, by the viewer's clock."""
    sort: str = ""
    cause: str = ""
    """By what they failed, a fingerprint (lifecycle/causes.py)."""

    @classmethod
    def read(cls, params: Mapping[str, str]) -> "tuple[Question, list[str]]":
        """From a query string: the question, and a sentence for each part that is left out."""
        known = {each.name: _tidy(params.get(each.name, "")) for each in fields(cls)}
        wrong = []
        if known["status"] not in STATUSES:
            wrong.append(_("There is no status “{status}”.").format(status=known["status"]))
            known["status"] = ""
        if known["sort"] not in SORTS:
            wrong.append(_("Jobs cannot be sorted by “{sort}”.").format(sort=known["sort"]))
            known["sort"] = ""
        if known["cause"] and not CAUSE.fullmatch(known["cause"]):
            wrong.append("There is no such cause of failures.")
            known["cause"] = ""
        for name in ("since", "until"):
            if known[name] and day(known[name]) is None:
                told = _("“{text}” is no date: write it as 2026-11-29.")
                wrong.append(told.format(text=known[name]))
                known[name] = ""
        return cls(**known), wrong

    def query(self, **changes: str) -> str:
        """Of the address that asks this, or the same with `changes`."""
        changed = replace(self, **changes)
        said = {each.name: getattr(changed, each.name) for each in fields(self)}
        return urlencode({name: value for name, value in said.items() if value})

    @property
    def statuses(self) -> frozenset[Status]:
        return STATUSES[self.status][1]

    @property
    def narrowed(self) -> bool:
        """Whether more than a status is asked for."""
        return bool(replace(self, status="").query())

    @property
    def filters(self) -> int:
        """How many of those under Filters are set."""
        return sum(map(bool, (self.kind, self.person, self.since, self.until, self.sort)))

    @property
    def looks_through(self) -> bool:
        """Whether no index answers it: rows are looked through, so many at a time."""
        return bool(self.text or self.status == "timed-out" or self.sort)


def _tidy(value: str) -> str:
    """Without what no database can look for."""
    return value.replace("\0", "").strip()[:MAX_TEXT]


def day(text: str) -> date | None:
    """None for what is no date, of the years in which there may be jobs."""
    try:
        return date.fromisoformat(text) if DAY.fullmatch(text) else None
    except ValueError:
        return None


def may_ask_about_others(viewer: User) -> bool:
    return allowed(policy.may_browse, viewer)


def asked(question: Question, viewer: User) -> JobQuerySet:
    """The jobs that a question is about, of whatever status, and which the viewer may see."""
    jobs = Job.objects.all()
    if not question.person or not may_ask_about_others(viewer):
        jobs = jobs.filter(owner_id=viewer.pk)
    elif question.person != EVERYBODY:
        found = users.named(question.person)
        jobs = jobs.filter(owner_id=found.pk) if found else jobs.none()
    if question.kind:
        jobs = jobs.filter(kind=question.kind)
    if question.cause:
        jobs = jobs.filter(cause=question.cause)
    jobs = within(jobs, day(question.since), day(question.until))
    return policy.visible(jobs, viewer)  # type: ignore[return-value]  # a project's own may widen it


def within(jobs: JobQuerySet, first: date | None, last: date | None) -> JobQuerySet:
    """Those that were queued on these days and between them; None leaves an end open."""
    if first:
        jobs = jobs.filter(created_at__gte=midnight(first))
    return jobs.filter(created_at__lt=midnight(last, 1)) if last else jobs


def midnight(of: date, later: int = 0) -> datetime:
    """By the viewer's clock, when a day begins, or one that is so many days later."""
    return timezone.make_aware(datetime.combine(of + timedelta(days=later), time.min))

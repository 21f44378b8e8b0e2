"""How many jobs of the last thirty days have come to which state, as a chart whose days filter the
list. Counted from the rows along an index, so deletions need no bookkeeping: today's for each page,
with what else it counts, those of the days before at most every REMEMBERED seconds."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from headway.kinds.numbers import grouped
from headway.lifecycle.remembered import Remembered
from headway.models import ACTIVE, JobQuerySet, Status
from headway.users import User
from headway.web import questions
from headway.web.charts import Chart, Column, stacked_bars
from headway.web.counting import counts_between
from headway.web.questions import Question
from headway.web.time_limit import TooSlowError, limited

DAYS = 30
MOST = 100_000
"""Jobs of one day and state that are counted at most."""
REMEMBERED = 30.0
"""Seconds: as often as streams check again who may read them."""
ORDER = (Status.SUCCEEDED, Status.CANCELLED, Status.RUNNING, Status.FAILED, Status.LOST)
"""From the bottom; active jobs of all states count as running."""
Key = tuple[date, str]
"""A day, and one of ORDER."""
Counts = Mapping[Key, int]
_before: Remembered[Counts | None] = Remembered(REMEMBERED, most=200)


@dataclass(frozen=True)
class Days:
    """The chart, and how many jobs are in it."""

    chart: Chart
    total: int


def today(question: Question, viewer: User) -> dict[Key, JobQuerySet]:
    """What is to be counted for each page, up to MOST each; nothing for a search (see `days`)."""
    if question.text:
        return {}
    day = timezone.localdate()
    parts = _parts(question, viewer)
    within = {status: questions.within(jobs, day, day) for status, jobs in parts.items()}
    return {(day, status): jobs for status, jobs in within.items()}


def days(question: Question, viewer: User, counted: Mapping[Any, int]) -> Days | None:
    """`counted` has what `today` asks for, and may have more. None where there is nothing to show,
    or counting takes too long; nor for a search, which would have to look through the jobs of all
    days."""
    if question.text:
        return None
    last = timezone.localdate()
    before = _before.get(_key(question, viewer, last), lambda: _count(question, viewer, last))
    if before is None:
        return None
    now = {(last, str(status)): counted.get((last, str(status)), 0) for status in ORDER}
    numbers = Counter({**before, **now})
    columns = [_column(question, last - timedelta(days=ago), numbers) for ago in _back()]
    total = numbers.total()
    title = _("Jobs of the last %(days)d days: %(total)s") % {"days": DAYS, "total": grouped(total)}
    names = {str(Status.RUNNING): _("Active")}
    return Days(stacked_bars(title, columns, ORDER, names), total) if total else None


def _key(question: Question, viewer: User, last: date) -> tuple[Any, ...]:
    """Rights are not remembered: who may not ask about others any more asks another question."""
    others = bool(question.person) and questions.may_ask_about_others(viewer)
    about = (question.kind, question.cause, question.person if others else "")
    return (viewer.pk, *about, last, timezone.get_current_timezone_name())


def _back() -> range:
    return range(DAYS - 1, -1, -1)


def _count(question: Question, viewer: User, last: date) -> Counts | None:
    try:
        with limited():
            return _counted(question, viewer, [last - timedelta(days=ago) for ago in _back()[:-1]])
    except TooSlowError:
        return None


def _parts(question: Question, viewer: User) -> dict[str, JobQuerySet]:
    about = replace(question, status="", text="", since="", until="", sort="")
    jobs = questions.asked(about, viewer)
    return {
        str(status): jobs.filter(status__in=ACTIVE if status == Status.RUNNING else {status})
        for status in ORDER
    }


def _counted(question: Question, viewer: User, every: list[date]) -> Counts:
    parts = _parts(question, viewer)
    times = [(questions.midnight(each), questions.midnight(each, 1)) for each in every]
    found = counts_between(parts, times, MOST)
    return {(every[place], status): number for (place, status), number in found.items()}


def _column(question: Question, of: date, numbers: Counts) -> Column:
    told = of.isoformat()
    asked = question.query(since=told, until=told)
    counted = {str(status): numbers.get((of, str(status)), 0) for status in ORDER}
    current = bool(question.since or question.until) and (
        (question.since or told) <= told <= (question.until or told)
    )
    return Column(date_format(of, _("l j F")), counted, f"?{asked}", f"day-{told}-chart", current)

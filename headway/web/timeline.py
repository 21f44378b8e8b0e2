"""Where a job's time went, as its rows tell it: waits, phases of each attempt, pauses between."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from headway.kinds import registry
from headway.kinds.numbers import separated
from headway.models import HELD, Attempt, Job, Status
from headway.web import formatting
from headway.web.charts import Chart
from headway.web.strips import Part, lines, strip
from headway.web.told import said

BREAK = 0.25
"""Of the rest of a strip, the most that a pause takes: a job may be retried days after its end."""
AT_ONCE = 0.1
"""Seconds from an attempt's start to its first phase that are not worth a part of their own."""
IN_TABLE = 12
"""Rows of the table behind a chart with lines, about."""


@dataclass(frozen=True)
class Timeline:
    """What the job's page shows: the strip, and the chart of its newest attempt that has one."""

    strip: Chart
    lines: Chart | None


@dataclass(frozen=True)
class Stretch:
    """A part of the strip, with the moments at which it began and ended."""

    label: str
    sort: str
    begin: datetime
    end: datetime
    status: str = ""
    first: bool = False
    """Whether an attempt began with it."""
    lasts: bool = False
    """Whether it goes on, or the attempt that it is a part of."""
    short: str = ""
    """What it is called where there is no room for its label."""

    @property
    def seconds(self) -> float:
        return (self.end - self.begin).total_seconds()


def timeline(job: Job, now: datetime | None = None) -> Timeline:
    """Of a job, read from its attempts; what goes on lasts until `now`."""
    now = now or timezone.now()
    attempts = sorted(job.attempts.all(), key=lambda each: each.number)
    stretches = [*_stretches(job, attempts, now)]
    several = len(attempts) + (job.status == Status.QUEUED) > 1
    drawn = (_lines(job, attempt, now, several=several) for attempt in reversed(attempts))
    return Timeline(_strip(stretches), next(filter(None, drawn), None))


def _stretches(job: Job, attempts: Sequence[Attempt], now: datetime) -> Iterator[Stretch]:
    """In order and without gaps, whatever clocks have been set meanwhile."""
    at = job.created_at
    for attempt in attempts:
        first = attempt is attempts[0]
        yield from _waits(at, attempt.due_at, attempt.started_at, attempted=not first)
        at = begun = max(at, attempt.started_at)
        still = _goes_on(job, attempt)
        at = max(begun, attempt.finished_at or (now if still else begun))
        status = str(job.status if still else attempt.status)
        alone = len(attempts) == 1
        yield from _phases(attempt, begun, at, status, alone=alone, lasts=still)
    if job.status == Status.QUEUED:
        yield from _waits(at, job.not_before, now, attempted=bool(attempts), lasts=True)
    elif not attempts:
        yield from _waits(at, job.not_before, job.finished_at or now, attempted=False)


def _goes_on(job: Job, attempt: Attempt) -> bool:
    return attempt.number == job.attempt and job.status in HELD


def _waits(
    at: datetime, due: datetime | None, until: datetime, *, attempted: bool, lasts: bool = False
) -> Iterator[Stretch]:
    """The time until it was due, and the wait for a worker from then on."""
    due = min(max(at, due or at), max(at, until))
    if due > at:
        name = _("Pause") if attempted else _("Scheduled")
        yield Stretch(name, "break", at, due, lasts=lasts and due == until)
    if until > due:
        name = _("Waiting") if lasts else _("Waited")
        yield Stretch(name, "waited", due, until, lasts=lasts)


def _phases(
    attempt: Attempt, begun: datetime, ended: datetime, status: str, *, alone: bool, lasts: bool
) -> Iterator[Stretch]:
    """Each lasts until the next one; what comes before the first goes by the attempt's number."""
    short = "" if alone else _numbered(attempt)
    names, edges = [short or _("Run")], [begun]
    for phase in attempt.phases:
        start = min(ended, max(edges[-1], begun + timedelta(seconds=phase["started"])))
        names.append(said(phase["name"], attempt.job.kind))
        edges.append(start)
    if len(edges) > 1 and (edges[1] - begun).total_seconds() < AT_ONCE:
        del names[0], edges[1]
    for index, (name, begin, end) in enumerate(zip(names, edges, [*edges[1:], ended], strict=True)):
        first = index == 0
        yield Stretch(name, "phase", begin, end, status, first, lasts, short if first else "")


def _numbered(attempt: Attempt) -> str:
    return _("Attempt %(number)s") % {"number": attempt.number}


def _strip(stretches: Sequence[Stretch]) -> Chart:
    worked = sum(each.seconds for each in stretches if each.sort != "break")
    longest = BREAK * worked or 1.0
    days = {timezone.localdate(at) for each in stretches for at in (each.begin, each.end)}
    day = _("j M, H:i").removesuffix("H:i") if len(days) > 1 else ""
    short = day + ("H:i" if day else "H:i:s")
    parts = [
        Part(
            each.label,
            each.sort,
            min(each.seconds, longest) if each.sort == "break" else each.seconds,
            each.status,
            _time(each.begin, day + "H:i:s"),
            span(each.seconds),
            each.short,
        )
        for each in stretches
    ]
    marks = [
        (index, _time(each.begin, short))
        for index, each in enumerate(stretches)
        if index == 0 or each.first
    ]
    if stretches:
        marks.append((len(stretches), _time(stretches[-1].end, short)))
    return strip(_told(stretches), parts, marks)


def _told(stretches: Sequence[Stretch]) -> str:
    """What is past, each summed up, and what goes on; of pauses only that before the first
    attempt."""
    told = {
        ("break", False): _("held back for {time}"),
        ("waited", False): _("waited {time}"),
        ("phase", False): _("ran {time}"),
        ("break", True): _("held back for {time} so far"),
        ("waited", True): _("waiting for {time}"),
        ("phase", True): _("running for {time}"),
    }
    sums: dict[tuple[str, bool], float] = {}
    for each in stretches:
        if each.sort != "break" or each is stretches[0]:
            sums[each.sort, each.lasts] = sums.get((each.sort, each.lasts), 0.0) + each.seconds
    if all(sort == "phase" for sort, _lasts in sums):
        sums["waited", False] = 0.0
    return _sentence(
        ", ".join(said.format(time=span(sums[sort])) for sort, said in told.items() if sort in sums)
    )


def _lines(job: Job, attempt: Attempt, now: datetime, *, several: bool) -> Chart | None:
    """Percent and rate over time; None where too little is known to draw a line. Among several
    attempts it says which it is of; of one that goes on it ends now, so that a standstill shows."""
    samples = [tuple(sample) for sample in attempt.samples]
    if len(samples) < 2:
        return None
    unit = registry.unit(job.kind)
    rates = [(at, rate) for at, _, rate in samples]
    percents = [(at, percent) for at, percent, _ in samples]
    fastest = max((rate for _, rate in rates if rate), default=None)
    known = any(percent is not None for _, percent in percents)
    said = [_numbered(attempt)] if several else ["100%"] * known
    if fastest is not None:
        said.append(_("at most {rate}").format(rate=formatting.rate(fastest, unit)))
    above = " · ".join(said)
    name = _("Percent and rate") if known and fastest is not None else _("Percent")
    name = name if known else _("Rate")
    last = samples[-1][0]
    if _goes_on(job, attempt):
        last = max(last, (now - attempt.started_at).total_seconds())
    title = _("{name} over {time}, {above}").format(name=name, time=span(last), above=above)
    step = -(-len(samples) // IN_TABLE)
    rows = [
        (span(at), formatting.percent({"percent": percent}), formatting.rate(rate, unit))
        for at, percent, rate in samples[::step]
    ]
    return lines(_sentence(title), percents, rates, (above, "0 s", span(last)), rows, last)


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def span(seconds: float) -> str:
    """How long: below ten seconds to the tenth, since much of what is drawn is that short."""
    if seconds >= 10:
        return formatting.duration(seconds)
    return separated(f"{max(0.0, seconds):.1f}") + " s"


def _time(moment: datetime, written: str) -> str:
    return date_format(timezone.localtime(moment), written)

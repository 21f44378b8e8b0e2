"""How values are formatted; `live/words.js` does the same in the browser."""

import math
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import ngettext_lazy

from headway.kinds import json_values
from headway.kinds.numbers import grouped, lasting, separated
from headway.models import Status
from headway.web.presenters import Shown

SMALLEST = 1e-6
"""What is less is written as 0."""
LARGER = {"B": "kB", "bytes": "kB", "kB": "MB", "MB": "GB", "GB": "TB"}
"""A unit of bytes -> that of a thousand of them."""
MOST = 1000
"""From here on an amount of bytes is written in the larger unit."""


def status_label(status: str) -> str:
    """What a person reads for a status."""
    return str(Status(status).label)


def plain(value: float | None) -> str:
    """A number as HTML attributes and JavaScript want it: 42, 42.3; "" for None."""
    return "" if value is None else f"{value:.10g}"


def figure(value: float | None) -> str:
    """12345 as 12,345; below ten with one decimal, below one with two digits, so that what is there
    never reads as nothing; "" for None."""
    if value is None:
        return ""
    if SMALLEST <= abs(value) < 1:
        return separated(f"{Decimal(f'{value:.2g}'):f}".rstrip("0"))
    if abs(value) < 10:
        return separated(f"{value:.1f}".removesuffix(".0"))
    return grouped(round(value))


def percent(snap: Mapping[str, Any]) -> str:
    """Whole percents reached, "" while the total is unknown."""
    value = snap.get("percent")
    return "" if value is None else f"{math.floor(value)}%"


def count(snap: Mapping[str, Any]) -> str:
    """How much is done, of how much: 310 of 512 kB, 34 of 41 GB."""
    current, total = snap.get("current"), snap.get("total")
    if current is None:
        return ""
    times, unit = _scale(current if total is None else total, snap.get("unit", ""))
    done = figure(current / times)
    if total is not None:
        done = _("{done} of {total}").format(done=done, total=figure(total / times))
    return f"{done} {unit}".rstrip()


def duration(seconds: float | None) -> str:
    """42 s, 3 min 05 s, 2 h 07 min; "" for None."""
    return "" if seconds is None else lasting(seconds)


def day(moment: datetime) -> str:
    """Today, Yesterday, Tuesday 24 November, and with its year one of another year."""
    here, now = timezone.localtime(moment), timezone.localtime()
    passed = (now.date() - here.date()).days
    if passed in (0, 1):
        return (_("Today"), _("Yesterday"))[passed]
    return date_format(here, _("l j F") if here.year == now.year else _("l j F Y"))


def clock(moment: datetime) -> str:
    """14:02, by the viewer's clock."""
    return date_format(timezone.localtime(moment), "H:i")


SPANS = (
    (86400, ngettext_lazy("%d day ago", "%d days ago"), ngettext_lazy("in %d day", "in %d days")),
    (
        3600,
        ngettext_lazy("%d hour ago", "%d hours ago"),
        ngettext_lazy("in %d hour", "in %d hours"),
    ),
    (
        60,
        ngettext_lazy("%d minute ago", "%d minutes ago"),
        ngettext_lazy("in %d minute", "in %d minutes"),
    ),
    (
        1,
        ngettext_lazy("%d second ago", "%d seconds ago"),
        ngettext_lazy("in %d second", "in %d seconds"),
    ),
)
"""Seconds, and what is said of a time that is so many of them past or to come."""


def ago(moment: datetime) -> str:
    """now, 20 seconds ago, 3 minutes ago, 2 days ago, and in 7 days for what is to come."""
    passed = (timezone.now() - moment).total_seconds()
    size = abs(passed)
    if size < 10:
        return _("now")
    seconds, past, future = next(each for each in SPANS if size >= each[0])
    # What is to come is named as it was set: seven days, of which a moment has passed
    number = round(size / seconds) if passed < 0 else int(size // seconds)
    if seconds == 1:
        number -= number % 10
    return str((future if passed < 0 else past) % number)


def exact(moment: datetime) -> str:
    """29 November 2026, 14:02:07 CET, by the viewer's clock."""
    return date_format(timezone.localtime(moment), _("j F Y, H:i:s e"))


def when(moment: datetime | None) -> str:
    """A <time> for people: how long ago, with the exact time on hover and for screen readers;
    live/ages.js keeps it true. "" for None."""
    if moment is None:
        return ""
    age = (timezone.now() - moment).total_seconds()
    written = (
        '<time datetime="{}" data-age="{}" title="{}">{}<span class="unseen">, {}</span></time>'
    )
    known = exact(moment)
    return format_html(written, moment.isoformat(), f"{age:.0f}", known, ago(moment), known)


def at(moment: datetime) -> str:
    """A <time> for dense lists: the clock by the viewer's zone, after its day where no heading says
    that (pages.css), with the exact time on hover and for screen readers."""
    written = (
        '<time datetime="{}" title="{}"><span aria-hidden="true"><span class="on{}">{}, </span>{}'
        '</span><span class="unseen">{}</span></time>'
    )
    here, known = timezone.localtime(moment), exact(moment)
    now = timezone.localtime()
    on = date_format(here, _("j M") if here.year == now.year else _("j M Y"))
    today = " today" if here.date() == now.date() else ""
    return format_html(written, moment.isoformat(), known, today, on, clock(moment), known)


def remaining(eta: float | None) -> str:
    """about 42 s, about 3 min, about 2 h 05 min; "" for None."""
    if eta is None:
        return ""
    rounded = duration(math.ceil(eta / 60) * 60).replace(" 00 s", "")
    return _("about {time}").format(time=duration(eta) if eta < 60 else rounded)


def stall(quiet: float) -> str:
    """No progress for 4 min."""
    return _("No progress for {time}").format(time=json_values.span(quiet))


def rate(value: float | None, unit: str = "") -> str:
    """1,234/s or 1.2 MB/s, and 12/min for what is slower than one a second; "" for None."""
    if value is None:
        return ""
    number, time = (value * 60, "min") if value < 1 else (value, "s")
    times, unit = _scale(number, unit)
    return f"{figure(number / times)} {unit}".rstrip() + f"/{time}"


def _scale(amount: float, unit: str) -> tuple[int, str]:
    """How many of a unit the one is in which so many of it are read, and that unit."""
    times = 1
    while unit in LARGER and amount / times >= MOST:
        times, unit = times * 1000, LARGER[unit]
    return times, unit


def spoken(item: Shown) -> str:
    """What a screen reader says for the bar."""
    done = percent(item.snap) or count(item.snap)
    label = status_label(item.job.status)
    return f"{label}, {done}" if done else label

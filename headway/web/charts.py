"""Bars drawn as SVG: sharp at any width without a script, with their numbers as text and a table
behind them. Colours are those of statuses, by data-status (job.css)."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import isfinite

from django.template.loader import render_to_string
from django.utils.html import format_html, format_html_join, html_safe
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from headway.kinds.numbers import grouped
from headway.models import Status


@html_safe
@dataclass(frozen=True)
class Chart:
    """A picture, and the same as a table. A template shows both by naming it: {{ chart }}."""

    svg: SafeString
    title: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]

    def __str__(self) -> str:
        return render_to_string("headway/_chart.html", {"chart": self})


@dataclass(frozen=True)
class Column:
    """A column of stacked bars: how many of each status."""

    label: str
    counts: Mapping[str, int]
    href: str = ""
    id: str = ""
    """Of the link, by which the focus stays when the picture is drawn again."""
    current: bool = False


@dataclass(frozen=True)
class Bar:
    """A thin bar: how long something took (None: unknown), and how it ended ("": there is none)."""

    label: str
    seconds: float | None
    status: str
    href: str = ""
    about: str = ""
    """What is said of it beside its label, instead of its status."""
    id: str = ""
    """As of a column."""


def stacked_bars(
    title: str,
    columns: Sequence[Column],
    order: Sequence[str],
    names: Mapping[str, str] | None = None,
) -> Chart:
    """One column for each label, its counts above one another in the order of statuses, the first
    at the bottom; `names`: of statuses that stand for more. A column with an address is a link."""
    called = {status: str(Status(status).label) for status in order} | dict(names or {})
    most = max((sum(max(0, n) for n in c.counts.values()) for c in columns), default=0) or 1
    drawn = []
    for index, column in enumerate(columns):
        sizes = [max(0, column.counts.get(status, 0)) for status in order]
        tops = [sum(sizes[:upto]) for upto in range(len(sizes) + 1)]
        rects = [
            _bar(index, len(columns), 100 * low / most, 100 * high / most, status)
            for status, (low, high) in zip(order, pairwise(tops), strict=True)
            if high > low
        ]
        told = ", ".join(
            f"{grouped(size)} {called[status].lower()}"
            for status, size in zip(order, sizes, strict=True)
            if size
        )
        told = f"{column.label}: {told}" if told else _("{day}: none").format(day=column.label)
        drawn.append(_linked(told, column, rects, index, len(columns)))
    rows = [(c.label, *(grouped(c.counts.get(status, 0)) for status in order)) for c in columns]
    return Chart(_bars(title, drawn), title, ("", *called.values()), rows)


def thin_bars(title: str, bars: Sequence[Bar]) -> Chart:
    """One thin bar for each run: its height is how long it took, its colour how it ended."""
    known = [max(0.0, bar.seconds or 0.0) for bar in bars]
    known = [seconds if isfinite(seconds) else 0.0 for seconds in known]
    longest = max(known, default=0.0) or 1.0
    drawn = []
    for index, (bar, seconds) in enumerate(zip(bars, known, strict=True)):
        height = max(4.0, 100 * (seconds / longest))
        rects = [_bar(index, len(bars), 0.0, height, bar.status)] if bar.status else []
        told = f"{bar.label}: {bar.about or bar.status}"
        drawn.append(_linked(told, bar, rects, index, len(bars)))
    return Chart(
        _bars(title, drawn), title, (_("Run"), ""), [(bar.label, bar.about) for bar in bars]
    )


def _bars(title: str, drawn: Iterable[SafeString]) -> SafeString:
    return format_html(
        '<svg class="chart-bars" width="100%" height="72" role="{}" aria-label="{}">{}</svg>',
        *("group", title, format_html_join("", "{}", ((each,) for each in drawn))),
    )


def _bar(index: int, of: int, low: float, high: float, status: str) -> SafeString:
    return format_html(
        '<rect data-status="{}" fill="#777" x="{}%" y="{}%" width="{}%" height="{}%"/>',
        *(status, number(100 * (index + 0.1) / of), number(100 - high)),
        *(number(80 / of), number(high - low)),
    )


def _linked(
    told: str, of: Column | Bar, rects: Iterable[SafeString], index: int, count: int
) -> SafeString:
    """A column, and all of its height to click on."""
    inner = format_html(
        '<title>{}</title><rect class="column" fill="none" x="{}%" width="{}%" height="100%"/>{}',
        *(told, number(100 * index / count), number(100 / count)),
        format_html_join("", "{}", ((rect,) for rect in rects)),
    )
    if not of.href:
        return format_html("<g>{}</g>", inner)
    known = {"id": of.id, "aria-current": "true" if isinstance(of, Column) and of.current else ""}
    more = format_html_join("", ' {}="{}"', ((n, value) for n, value in known.items() if value))
    return format_html('<a href="{}" aria-label="{}"{}>{}</a>', of.href, told, more, inner)


def number(value: float) -> str:
    """A coordinate, in as few digits as are seen."""
    return f"{value:.2f}".rstrip("0").rstrip(".")

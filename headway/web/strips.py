"""A strip to scale, and lines over time, drawn as SVG."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from headway.web.charts import Chart, number

NARROWEST = 0.3
"""Percent of a strip's width that its shortest part takes, so that it can be seen."""
LETTER = 7.0
"""Pixels of a letter, about."""
WIDTHS = {330: "", 420: " half", 780: " wide"}
"""Pixels of a strip's width on a phone, beside tabs and on a screen, about, and the class of a
label that fits there (job.css)."""
APART = 32.0
"""Percent of a strip's width between two times below it, at least: on a phone the first takes 20,
and the next is centred."""


@dataclass(frozen=True)
class Part:
    """One part of a strip; `sort` is waited, phase or break."""

    label: str
    sort: str
    seconds: float
    status: str = ""
    began: str = ""
    """When, and `lasted`: how long, as people read it."""
    lasted: str = ""
    short: str = ""
    """A label for where the other does not fit on each screen."""


def shares(sizes: Sequence[float], least: float = NARROWEST) -> list[float]:
    """How wide each is in percent, to scale, but none too narrow to be seen. They add up to 100;
    what is negative or no number counts as 0."""
    known = [size if math.isfinite(size) and size > 0 else 0.0 for size in sizes]
    if not known:
        return []
    largest = max(known)
    scaled = [size / largest if largest else 1.0 for size in known]  # a sum might be infinite
    whole, least = sum(scaled), min(least, 100 / len(known))
    widened = [max(least, 100 * size / whole) for size in scaled]
    # What the narrow ones take too much, the others give, each by what it has beyond the least.
    excess, spare = sum(widened) - 100, sum(width - least for width in widened)
    return [width - excess * (width - least) / spare if spare else width for width in widened]


def strip(title: str, parts: Sequence[Part], marks: Iterable[tuple[int, str]] = ()) -> Chart:
    """Parts beside each other, to scale. `marks`: an edge, counted from 0 on the left, and the time
    below it; one that comes too near to another is left out, the first and the last never."""
    widths = shares([part.seconds for part in parts])
    edges = [0.0]
    for width in widths:
        edges.append(edges[-1] + width)
    drawn = format_html_join(
        "",
        "{}",
        ((_part(part, at, width),) for part, at, width in zip(parts, edges, widths, strict=False)),
    )
    ticks = [(min(100.0, edges[edge]), text) for edge, text in marks if edge < len(edges)]
    below = format_html_join("", "{}", ((_tick(at, text),) for at, text in _apart(ticks)))
    svg = format_html(
        '<svg class="chart-strip" width="100%" height="48" role="img" aria-label="{}">{}{}</svg>',
        title,
        drawn,
        below,
    )
    rows = [(part.label, part.began, part.lasted) for part in parts]
    return Chart(svg, title, (_("Part"), _("Began"), _("Lasted")), rows)


def _part(part: Part, at: float, width: float) -> SafeString:
    name, fits = part.label, _fits(part.label, width)
    if part.short and fits != "" and (shorter := _fits(part.short, width)) is not None:
        name, fits = part.short, shorter
    label = format_html('<text class="label{}" x="6" y="18">{}</text>', fits, name)
    return format_html(
        '<svg class="part {}" data-status="{}" x="{}%" width="{}%" height="28">'
        '<title>{}: {}</title><rect fill="#ddd" width="100%" height="28"/>{}</svg>',
        part.sort,
        part.status,
        number(at),
        number(width),
        part.label,
        part.lasted,
        "" if fits is None else label,
    )


def _fits(label: str, width: float) -> str | None:
    """The class of a label in a part of so many percent; None where it fits nowhere."""
    needs = len(label) * LETTER + 12
    return next((name for pixels, name in WIDTHS.items() if width * pixels / 100 >= needs), None)


def _apart(ticks: Sequence[tuple[float, str]]) -> list[tuple[float, str]]:
    """Those that do not cover one another."""
    if len(ticks) < 3:
        return [*ticks]
    first, *inner, last = ticks
    kept = [first]
    for tick in inner:
        if min(tick[0] - kept[-1][0], last[0] - tick[0]) >= APART:
            kept.append(tick)
    return [*kept, last]


def _tick(at: float, text: str) -> SafeString:
    anchor = "start" if at < 10 else "end" if at > 90 else "middle"
    return format_html(
        '<text class="tick" x="{}%" y="44" text-anchor="{}">{}</text>', number(at), anchor, text
    )


def lines(
    title: str,
    percents: Sequence[tuple[float, float | None]],
    rates: Sequence[tuple[float, float | None]],
    labels: tuple[str, str, str],
    rows: Sequence[Sequence[str]],
    last: float = 0.0,
) -> Chart:
    """Percent as a line and rate as an area, over seconds, at least up to `last`. `labels` are
    written at the left above, the left below and the right below; `rows` are of the table: time,
    percent, rate."""
    reached, speeds = _runs(percents), _runs(rates)
    last = max(last, *(run[-1][0] for run in (*reached, *speeds)), 0.0) or 1.0
    fastest = max((rate for run in speeds for _, rate in run), default=0.0) or 1.0
    area = "".join(_area(run, last, fastest) for run in speeds)
    line = "".join(_line(run, last, 100.0) for run in reached)
    above, begin, end = labels
    svg = format_html(
        '<svg class="chart-lines" width="100%" height="112" role="img" aria-label="{}">'
        '<svg y="16" width="100%" height="76" viewBox="0 0 1000 100" preserveAspectRatio="none">'
        '<path class="rate" fill="#ddd" d="{}"/>'
        '<path class="percent" fill="none" stroke="#777" d="{}"/>'
        '<path class="axis" d="M0 100H1000"/></svg>'
        '<text class="tick" x="0" y="11">{}</text><text class="tick" x="0" y="108">{}</text>'
        '<text class="tick" x="100%" y="108" text-anchor="end">{}</text></svg>',
        *(title, area, line, above, begin, end),
    )
    return Chart(svg, title, (_("After"), _("Percent"), _("Rate")), rows)


def _runs(points: Sequence[tuple[float, float | None]]) -> list[list[tuple[float, float]]]:
    """Points without a gap between them: where nothing is known nothing is drawn."""
    runs: list[list[tuple[float, float]]] = [[]]
    for at, value in points:
        if value is None or not math.isfinite(value):
            runs.append([])
        else:
            runs[-1].append((at, value))
    return [run for run in runs if run]


def _line(run: Sequence[tuple[float, float]], last: float, most: float) -> str:
    placed = [
        f"{number(1000 * at / last)} {number(100 - 100 * min(1.0, max(0.0, value / most)))}"
        for at, value in run
    ]
    return "M" + "L".join(placed if len(placed) > 1 else placed * 2)


def _area(run: Sequence[tuple[float, float]], last: float, most: float) -> str:
    begin, end = (number(1000 * at / last) for at in (run[0][0], run[-1][0]))
    return f"{_line(run, last, most)}L{end} 100L{begin} 100Z"

"""The usual band of a kind, drawn as SVG: where most of its runs end, along an axis of time."""

from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from headway.web.charts import Chart, number
from headway.web.runs import Usual
from headway.web.timeline import span

ROOM = 1.6
"""The axis is so many times as long as the band's end is far: its labels never meet."""


def band(usual: Usual) -> Chart:
    """From the tenth to the ninetieth percentile, with the median in it."""
    most = ROOM * usual.high or 1.0
    low, mid, high = (100 * each / most for each in (usual.low, usual.mid, usual.high))
    title = _("Usually %(low)s to %(high)s, half of them within %(mid)s") % {
        "low": span(usual.low),
        "high": span(usual.high),
        "mid": span(usual.mid),
    }
    svg = format_html(
        '<svg class="chart-band" width="100%" height="58" role="img" aria-label="{}">'
        '<rect class="axis" fill="#ddd" y="24" width="100%" height="12" rx="6"/>'
        '<rect class="usual" fill="#aaa" x="{}%" y="24" width="{}%" height="12" rx="6"/>'
        '<rect class="mid" x="{}%" y="20" width="2" height="20"/>{}{}{}</svg>',
        *(title, number(low), number(max(0.5, high - low)), number(mid)),
        _label(mid, 13, "middle", span(usual.mid)),
        _label(low, 54, "start" if low < 15 else "end", span(usual.low)),
        _label(high, 54, "start", span(usual.high)),
    )
    rows = [
        (_("one in ten ends within"), span(usual.low)),
        (_("half of them within"), span(usual.mid)),
        (_("nine in ten within"), span(usual.high)),
    ]
    return Chart(svg, title, (_("Of the newest runs that succeeded"), ""), rows)


def _label(at: float, top: int, anchor: str, text: str) -> SafeString:
    anchor = "start" if anchor == "middle" and at < 8 else anchor
    return format_html(
        '<text class="tick" x="{}%" y="{}" text-anchor="{}">{}</text>',
        *(number(at), top, anchor, text),
    )

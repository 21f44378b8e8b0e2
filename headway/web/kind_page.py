"""What the page of a kind shows of its newest runs."""

from collections.abc import Sequence
from typing import Any

from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from headway.kinds.numbers import separated
from headway.kinds.registry import Kind
from headway.models import Status
from headway.users import User
from headway.web import causes
from headway.web.bands import band
from headway.web.charts import Bar, Chart, thin_bars
from headway.web.formatting import status_label
from headway.web.questions import Question
from headway.web.runs import SAMPLE, Run, newest, percentile, success_rate, usual
from headway.web.timeline import span

BARS = 50
"""Runs that are drawn."""
FAILURES = 5
"""Causes that are shown."""


def context(kind: Kind, viewer: User) -> dict[str, Any]:
    """For the template: everything is about the newest runs that the viewer may see."""
    runs = newest(kind.name, viewer)
    ran = [run.ran for run in runs if run.status == Status.SUCCEEDED and run.ran is not None]
    ran = ran[:SAMPLE]
    known = usual(ran)
    badly = causes.of_runs(kind.name, runs)[:FAILURES]
    return {
        "kind": kind,
        "number": len(runs),
        "sample": len(ran),
        "figures": _figures(runs, ran),
        "bars": _bars(runs[:BARS]) if runs else None,
        "band": band(known) if known else None,
        "causes": badly,
        "most": max((each.number for each in badly), default=1),
        "list": Question(kind=kind.name).query(),
    }


def _figures(runs: Sequence[Run], ran: Sequence[float]) -> list[tuple[str, str, str]]:
    """A name, a value and what is said of it, of each number."""
    good, told = success_rate(runs)
    waited = [run.waited for run in runs if run.waited is not None]
    found = []
    if told:
        share = separated(f"{100 * good / told:.3g}%") if good < told else "100%"
        of = _("%(good)d of %(told)d runs") % {"good": good, "told": told}
        if cancelled := len(runs) - told:
            of += _(", %(cancelled)d more cancelled") % {"cancelled": cancelled}
        found.append((_("Succeeded"), share, of))
    for name, seconds in ((_("Waited"), waited), (_("Ran"), ran)):
        half, most = percentile(seconds, 50), percentile(seconds, 95)
        if half is not None and most is not None:
            found.append((name, span(half), _("95%% within %(time)s") % {"time": span(most)}))
    return found


def _bars(runs: Sequence[Run]) -> Chart:
    """The oldest on the left."""
    bars = [
        Bar(
            date_format(timezone.localtime(run.queued), _("j M, H:i")),
            run.ran,
            run.status,
            reverse("headway:job", args=[run.id]),
            ", ".join(filter(None, (status_label(run.status), _took(run)))),
            f"run-{run.id}",
        )
        for run in reversed(runs)
    ]
    longest = max((run.ran or 0.0 for run in runs), default=0.0)
    title = _("Last %(count)d runs, the longest %(time)s") % {
        "count": len(runs),
        "time": span(longest),
    }
    return thin_bars(title, bars)


def _took(run: Run) -> str:
    return "" if run.ran is None else span(run.ran)

"""Parts of pages that htmx fetches: the row of a job in a list, and the panel of its page."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from headway.web.compared import compared
from headway.web.job_page import panel_context, parts_context, record_context
from headway.web.presenters import Shown, explained
from headway.web.responses import vary

VIEWS = {"row": "headway/_row.html", "bar": "headway/_live_bar.html"}


def partial(
    request: HttpRequest, item: Shown, view: str, error: str = "", *, alone: bool = False
) -> HttpResponse:
    """The `view` of a job, row, bar or else panel, with its age for the page. A panel brings along
    what else of the page depends on the job's state, unless it is wanted `alone`."""
    [item] = explained([item]) if view != "bar" else [item]
    if view in VIEWS:
        item = compared([item], item.viewer)[0] if view == "row" else item
        response = render(request, VIEWS[view], {"item": item, "items": [item], "error": error})
    else:
        context = panel_context(item) | {"error": error}
        if not alone:
            context |= parts_context(item) | {"out_of_band": True}
            if not item.is_active:
                context |= record_context(item)
        response = render(request, "headway/_panel.html", context)
    if item.cursor is not None:
        response["Progress-Cursor"] = str(item.cursor)
    response["Cache-Control"] = "no-store"
    return vary(response)

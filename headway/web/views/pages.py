"""The pages of jobs, and the partials that keep them current."""

import re
import uuid

from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe
from django_htmx.http import HTMX_STOP_POLLING

from headway.kinds import registry
from headway.models import ACTIVE, Job, Status
from headway.web.access import person, signed_in, visible_job
from headway.web.presenters import show, show_one
from headway.web.responses import vary
from headway.web.views.partials import panel_context, partial, record_context
from headway.worker import presence

PER_PAGE = 20
FILTERS = {
    "": ("All", frozenset(Status)),
    "active": ("Active", ACTIVE),
    "succeeded": ("Succeeded", {Status.SUCCEEDED}),
    "failed": ("Failed", {Status.FAILED, Status.LOST}),
    "cancelled": ("Cancelled", {Status.CANCELLED}),
}
"""Value of ?status= -> what its link says, and the statuses it shows."""


@require_safe
@signed_in
def index(request: HttpRequest) -> HttpResponse:
    """My jobs, newest first, and a card for each kind to start."""
    chosen = request.GET.get("status", "")
    chosen = chosen if chosen in FILTERS else ""
    mine = Job.objects.filter(owner=person(request), status__in=FILTERS[chosen][1])
    page = Paginator(mine.values_list("pk", flat=True), PER_PAGE).get_page(request.GET.get("page"))
    items = show(list(page))
    context = {
        "kinds": registry.kinds().values(),
        "filters": [(value, label, value == chosen) for value, (label, _) in FILTERS.items()],
        "chosen": chosen,
        "page": page,
        "items": items,
        "statuses": " ".join(sorted(FILTERS[chosen][1])),
        "has_active": any(item.is_active for item in items),
        "cursor": items[0].cursor if items else None,
        "redis_answers": not items or items[0].cursor is not None,
    }
    return vary(render(request, "headway/index.html", context))


@require_safe
@signed_in
def job(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """One job: where it is, what it said, what it left; with ?attempt= what that attempt said."""
    item = show_one(visible_job(request, pk))
    context = panel_context(item) | record_context(item, _number(request.GET.get("attempt")))
    context["redis_answers"] = item.cursor is not None
    return vary(render(request, "headway/job.html", context))


@require_safe
def no_worker(request: HttpRequest) -> HttpResponse:
    """The banner that no worker is running, or nothing; pages fetch it every few seconds. 204 when
    that is what the page shows already, by ?shown=; who is signed out is told to ask no more."""
    if not request.user.is_authenticated:
        return HttpResponse(status=HTMX_STOP_POLLING)
    waits = presence.no_worker(request.user, about_to_start="start" in request.GET)
    if waits == (request.GET.get("shown") == "1"):
        return vary(HttpResponse(status=204))
    context = {"no_worker": waits, "start": "start" in request.GET}
    return vary(render(request, "headway/_no_worker.html", context))


@require_safe
@signed_in
def row(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """The row of one job, or with ?view=bar its bar alone."""
    item = show_one(visible_job(request, pk))
    return partial(request, item, request.GET.get("view", "row"))


@require_safe
@signed_in
def panel(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """The panel of one job."""
    return partial(request, show_one(visible_job(request, pk)), "panel")


def _number(text: str | None) -> int | None:
    """Of an attempt; None where none is named. Raises Http404 for what cannot be one."""
    if text is None:
        return None
    if not re.fullmatch(r"[1-9][0-9]{0,8}", text, re.ASCII):
        raise Http404
    return int(text)

"""The pages of jobs, and the partials that keep them current."""

import uuid
from collections.abc import Iterable

from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from headway.kinds import registry
from headway.lifecycle.log import glance
from headway.models import ACTIVE, Job, Status
from headway.policy import policy
from headway.web.access import person, signed_in, visible_job
from headway.web.presenters import Shown, show, show_one
from headway.web.responses import vary
from headway.web.views.partials import panel_context, partial, record_context

PER_PAGE = 20
FILTERS = {
    "": ("All", frozenset(Status)),
    "active": ("Active", ACTIVE),
    "succeeded": ("Succeeded", {Status.SUCCEEDED}),
    "failed": ("Failed", {Status.FAILED, Status.LOST}),
    "cancelled": ("Cancelled", {Status.CANCELLED}),
}
"""Value of ?status= -> what its link says, and the statuses it shows."""
PLACEHOLDER = uuid.UUID(int=0)
"""Stands for the id in the address from which a page fetches a row that is new to the page."""


@require_safe
@signed_in
def index(request: HttpRequest) -> HttpResponse:
    """My jobs, newest first, and a card for each kind to start."""
    chosen = request.GET.get("status", "")
    chosen = chosen if chosen in FILTERS else ""
    mine = Job.objects.filter(owner=person(request), status__in=FILTERS[chosen][1])
    page = Paginator(mine.values_list("pk", flat=True), PER_PAGE).get_page(request.GET.get("page"))
    items = show(list(page), request.user)
    context = {
        "kinds": [
            kind for kind in registry.kinds().values() if policy.may_start(request.user, kind.name)
        ],
        "filters": [(value, label, value == chosen) for value, (label, _) in FILTERS.items()],
        "chosen": chosen,
        "page": page,
        "items": items,
        "follows": chosen in ("", "active") and page.number == 1,
        "has_active": any(item.is_active for item in items),
        "placeholder": PLACEHOLDER,
        "cursor": items[0].cursor if items else None,
        "no_worker": _waits_in_vain(items),
    }
    return vary(render(request, "headway/index.html", context))


@require_safe
@signed_in
def job(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """One job: where it is, what it said, what it left."""
    item = show_one(visible_job(request, pk), request.user)
    context = panel_context(item) | record_context(item)
    return vary(render(request, "headway/job.html", context))


@require_safe
@signed_in
def row(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """The row of one job, or with ?view=bar its bar alone; with ?mine only for its owner's list."""
    found = visible_job(request, pk)
    if "mine" in request.GET and found.owner_id != person(request).pk:
        raise Http404
    return partial(request, show_one(found, request.user), request.GET.get("view", "row"))


@require_safe
@signed_in
def panel(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """The panel of one job. With ?view=why a page wants only the reason why it is queued, and gets
    the whole panel when it is queued no more."""
    item = show_one(visible_job(request, pk), request.user)
    response = partial(request, item, "panel")
    if request.GET.get("view") == "why" and item.job.status != Status.QUEUED:
        response["HX-Retarget"], response["HX-Reselect"] = f"#panel-{pk}", "unset"
    return response


def _waits_in_vain(items: Iterable[Shown]) -> bool:
    """True when a job is queued and no worker is there to take it."""
    if not any(item.job.status == Status.QUEUED for item in items):
        return False
    return glance().read(lambda log: log.who_is_alive("worker")) == {}

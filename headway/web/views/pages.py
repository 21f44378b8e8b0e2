"""The pages of jobs, and the partials that keep them current."""

import uuid

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from headway.lifecycle import queue
from headway.models import Status
from headway.web import listing
from headway.web.access import person, positive, signed_in
from headway.web.job_page import whole_context
from headway.web.presenters import explained, show_visible, tray
from headway.web.responses import STOP_POLLING, page, vary
from headway.web.views.partials import partial


@require_safe
@signed_in
def index(request: HttpRequest) -> HttpResponse:
    """The jobs that a question asks for, by default all of mine, and what I may start."""
    return page(request, "headway/index.html", listing.context(request))


@require_safe
@signed_in
def job(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """One job: where it is, what it said, what it left; with ?attempt= what that attempt said, and
    with ?find=, ?level=warning or ?before= other lines of it than the last ones."""
    [item] = explained([show_visible(pk, request.user)])
    asked = request.GET.dict()
    context = whole_context(item, asked, positive(asked.get("attempt")))
    context["redis_answers"] = item.cursor is not None
    context["waiting"] = item.job.status == Status.QUEUED or None
    return page(request, "headway/job.html", context)


@require_safe
def no_worker(request: HttpRequest) -> HttpResponse:
    """The banner that no worker is running, or nothing; pages fetch it every few seconds. 204 when
    that is what the page shows already, by ?shown=; who is signed out is told to ask no more."""
    if not request.user.is_authenticated:
        return HttpResponse(status=STOP_POLLING)
    waits = queue.no_worker(request.user, "start" in request.GET or None)
    if waits == (request.GET.get("shown") == "1"):
        return vary(HttpResponse(status=204))
    context = {"no_worker": waits, "start": "start" in request.GET}
    return vary(render(request, "headway/_no_worker.html", context))


@require_safe
@signed_in
def my_tray(request: HttpRequest) -> HttpResponse:
    """The tray of `{% jobs_tray %}`, which fetches itself again when a job comes or ends."""
    return vary(render(request, "headway/_tray.html", tray(person(request))))


@require_safe
@signed_in
def row(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """The row of one job, or with ?view=bar its bar alone."""
    item = show_visible(pk, request.user)
    return partial(request, item, request.GET.get("view", "row"))


@require_safe
@signed_in
def panel(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """The panel of one job. With ?view=why a page wants only the reason why it is queued, and gets
    the whole panel when it is queued no more."""
    item = show_visible(pk, request.user)
    why = request.GET.get("view") == "why"
    waits = item.job.status == Status.QUEUED
    response = partial(request, item, "panel", alone=why and waits)
    if why and not waits:
        response["HX-Retarget"], response["HX-Reselect"] = f"#panel-{pk}", "unset"
    return response

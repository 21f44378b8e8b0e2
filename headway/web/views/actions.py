"""Cancel, retry and undo: fetch the job, call one action, render."""

import uuid
from collections.abc import Callable

from django.contrib import messages
from django.http import HttpRequest, HttpResponse

from headway.kinds import registry
from headway.lifecycle import actions
from headway.lifecycle import undo as undoing
from headway.models import Job
from headway.web.access import allowed, person, signed_in, visible_job
from headway.web.presenters import accepted, show_one
from headway.web.responses import SeeOther, Wants, page, problem, too_many, vary
from headway.web.views.partials import partial


@allowed("POST")
@signed_in
def cancel(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Asks a queued or running job to stop."""
    return _answer(request, visible_job(request, pk), actions.cancel)


@allowed("POST")
@signed_in
def retry(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Queues another attempt of a job that failed, was cancelled or was lost."""
    job = visible_job(request, pk)
    kind = registry.find(job.kind)
    programs = Wants.of(request) is Wants.JSON
    if kind and kind.effects and not programs and "confirmed" not in request.POST:
        return _ask(request, job, kind.effects)
    return _answer(request, job, actions.retry)


@allowed("POST")
@signed_in
def undo(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Takes back the last cancel or retry, or what was asked of many, while that is possible."""
    return _answer(request, visible_job(request, pk), undoing.undo)


def _ask(request: HttpRequest, job: Job, effects: str) -> HttpResponse:
    """Asks whether what an attempt does outside may be done twice; programs have decided that."""
    if Wants.of(request) is Wants.PARTIAL:
        told = f"{effects}. Another attempt may do that twice. Retry on the job's page."
        return partial(request, show_one(job, request.user), request.POST.get("view", ""), told)
    context = {"job": job, "hint": show_one(job, request.user).hint, "effects": effects}
    return page(request, "headway/confirm_retry.html", context)


def _answer(request: HttpRequest, job: Job, verb: Callable[..., Job]) -> HttpResponse:
    wants = Wants.of(request)
    error, status = "", 409
    try:
        verb(job, by=person(request))
    except actions.ActionError as refusal:
        error = str(refusal)
        status = 403 if isinstance(refusal, actions.NotAllowedError) else 409
        if isinstance(refusal, actions.LimitError) and wants is Wants.JSON:
            return too_many(request, refusal)
    if wants is Wants.JSON:
        return problem(request, status, error) if error else accepted(job)
    if wants is Wants.PARTIAL:
        return partial(request, show_one(job, request.user), request.POST.get("view", ""), error)
    if error:
        messages.error(request, error)
    return vary(SeeOther(job.get_absolute_url()))

"""Who did what to a job: on its page, when that is opened, or as a page of its own."""

import uuid

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from headway.policy import policy
from headway.web import trail as audit_trail
from headway.web.access import person, signed_in, visible_job
from headway.web.responses import Wants, page, vary


@require_safe
@signed_in
def trail(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """The newest entries of a job; 404 for who may not see them."""
    job, user = visible_job(request, pk), person(request)
    if not policy.may_see_trail(user, job):
        raise Http404
    context = {
        "entries": audit_trail.of(job, user),
        "job": job,
        "addresses": policy.may_see_trail(user, None),
    }
    if Wants.of(request) is Wants.PARTIAL:
        return vary(render(request, "headway/_trail.html", context))
    return page(request, "headway/trail.html", context)

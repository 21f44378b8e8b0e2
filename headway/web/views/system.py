"""The system page: for those who may browse the history of all."""

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from headway.policy import allowed, policy
from headway.web import system_page
from headway.web.access import person, signed_in
from headway.web.responses import Wants, page, vary


@require_safe
@never_cache
@signed_in
def system(request: HttpRequest) -> HttpResponse:
    """Workers, queues, and the parts of the installation; the page fetches that again and again."""
    if not allowed(policy.may_browse, request.user):
        raise Http404
    context = system_page.context(person(request))
    if Wants.of(request) is Wants.PARTIAL:
        return vary(render(request, "headway/_system.html", context))
    return page(request, "headway/system.html", context)

"""A kind's page: its form, and how its runs have gone."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from headway.kinds import registry
from headway.policy import policy
from headway.web import kind_page
from headway.web.access import person, signed_in
from headway.web.responses import Wants, page, problem, vary
from headway.web.views.start import form_context


@require_safe
@never_cache
@signed_in
def kind(request: HttpRequest, kind: str) -> HttpResponse:
    """What the newest runs of a kind say, among the jobs that this person may see, and its form for
    those who may start it; the page fetches the first part again and again."""
    found = registry.find(kind)
    if found is None:
        sentence = _(
            "No kind of job is called “%(kind)s” here. It may have been renamed, or its app is no"
            " longer installed."
        )
        return problem(request, 404, sentence % {"kind": kind[:100]})
    context = kind_page.context(found, person(request))
    if Wants.of(request) is Wants.PARTIAL:
        return vary(render(request, "headway/_runs.html", context))
    if not found.is_internal and policy.may_start(request.user, found.name):
        context |= form_context(request, found, found.form_class())
    return page(request, "headway/kind.html", context)

"""The streams. Never a redirect and never a page: EventSource gives up on both."""

import uuid
from collections.abc import Collection
from contextlib import suppress

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.urls import NoReverseMatch, reverse
from django.views.decorators.csrf import csrf_exempt

from headway.conf import conf
from headway.web import admission, grants, streams
from headway.web.access import allowed
from headway.web.grants import Grant
from headway.web.responses import problem
from headway.web.views.socket import socket


@csrf_exempt  # a POST changes nothing here: it is told 405
@allowed("GET", "HEAD")
def job_events(request: HttpRequest, pk: uuid.UUID) -> HttpResponseBase:
    """Events of one job; the stream ends after its last one."""
    grant = _let_in(request, {pk})
    if isinstance(grant, HttpResponse):
        return grant
    return streams.job_events(request, str(pk), grant)


@csrf_exempt  # as above
@allowed("GET", "HEAD")
def my_events(request: HttpRequest) -> HttpResponseBase:
    """Events of the jobs that ?job= names, or of all my jobs, new ones included; with ?mine of
    both."""
    try:
        wanted = {uuid.UUID(name) for name in request.GET.getlist("job")}
    except ValueError:
        return problem(request, 404, json=True)
    grant = _let_in(request, wanted)
    if isinstance(grant, HttpResponse):
        return grant
    named = [str(pk) for pk in wanted]
    if named and "mine" not in request.GET:
        return streams.many_events(request, named, grant)
    return streams.owner_events(request, grant, named)


def _let_in(request: HttpRequest, wanted: Collection[uuid.UUID]) -> Grant | HttpResponse:
    """On what grounds a stream of these jobs is due; otherwise the answer."""
    user = request.user
    key = user.pk if user.is_authenticated else None
    if key is None or request.GET.get("viewer", str(key)) != str(key):
        # The second is a page of one person's, when another has signed in since.
        return problem(request, 401, json=True)
    if len(wanted) > streams.MAX_JOBS:
        return problem(request, 404, f"Name {streams.MAX_JOBS} jobs at most.", json=True)
    owners = admission.owners(request, wanted)
    if len(owners) < len(wanted):
        return problem(request, 404, json=True)
    if request.method == "HEAD":
        return headers_only()
    return grants.of(request, {job for job, owner in owners.items() if owner != key})


def headers_only() -> HttpResponse:
    """What a client may ask before it connects: a page tells a 401 from a failing proxy by it.
    The doctor learns from it what the site is set to."""
    headers = {"Cache-Control": "no-store", "Progress-Keepalive": str(conf.STREAM_KEEPALIVE)}
    with suppress(NoReverseMatch):  # a project without WebSockets
        headers["Progress-Socket"] = reverse(socket)
    return HttpResponse(content_type="text/event-stream", headers=headers)

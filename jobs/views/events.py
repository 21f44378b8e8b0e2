"""The streams. Never a redirect and never a page: EventSource gives up on both."""

import uuid

from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.views.decorators.csrf import csrf_exempt

from jobs import streams
from jobs.models import Job

MOST_JOBS = 200
"""Jobs that one request may name; an address has its limits too."""


@csrf_exempt  # a POST changes nothing here: it is told 405
async def job_events(request: HttpRequest, pk: uuid.UUID) -> HttpResponseBase:
    """Events of one job; the stream ends after its last one."""
    user = await _let_in(request)
    if isinstance(user, HttpResponse):
        return user
    if not await Job.objects.visible_to(user).filter(pk=pk).aexists():
        return HttpResponse(status=404)
    if request.method == "HEAD":
        return _headers_only()
    return streams.job_events(request, str(pk), user.pk)


@csrf_exempt  # as above
async def my_events(request: HttpRequest) -> HttpResponseBase:
    """Events of the jobs that ?job= names, or of all my jobs, new ones included."""
    user = await _let_in(request)
    if isinstance(user, HttpResponse):
        return user
    try:
        wanted = {uuid.UUID(name) for name in request.GET.getlist("job")}
    except ValueError:
        return HttpResponse(status=404)
    if len(wanted) > MOST_JOBS:
        return HttpResponse(f"Name {MOST_JOBS} jobs at most.", status=404)
    visible = Job.objects.visible_to(user).filter(pk__in=wanted)
    if wanted and await visible.acount() < len(wanted):
        return HttpResponse(status=404)
    if request.method == "HEAD":
        return _headers_only()
    if wanted:
        return streams.many_events(request, [str(pk) for pk in wanted], user.pk)
    return streams.owner_events(request, user.pk)


async def _let_in(request: HttpRequest) -> User | HttpResponse:
    """The person who asks, or the refusal."""
    if request.method not in ("GET", "HEAD"):
        return HttpResponse(status=405, headers={"Allow": "GET, HEAD"})
    user = await request.auser()
    return user if isinstance(user, User) else HttpResponse(status=401)


def _headers_only() -> HttpResponse:
    """What a client may ask before it connects: live.js tells a 401 from a failing proxy by it."""
    return HttpResponse(content_type="text/event-stream", headers={"Cache-Control": "no-store"})

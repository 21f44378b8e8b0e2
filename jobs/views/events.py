"""The streams. Never a redirect and never a page: EventSource gives up on both."""

import uuid
from collections.abc import Collection

from asgiref.sync import sync_to_async
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
    user = await _let_in(request, {pk})
    if isinstance(user, HttpResponse):
        return user
    return streams.job_events(request, str(pk), user.pk)


@csrf_exempt  # as above
async def my_events(request: HttpRequest) -> HttpResponseBase:
    """Events of the jobs that ?job= names, or of all my jobs, new ones included."""
    try:
        wanted = {uuid.UUID(name) for name in request.GET.getlist("job")}
    except ValueError:
        return HttpResponse(status=404)
    user = await _let_in(request, wanted)
    if isinstance(user, HttpResponse):
        return user
    if wanted:
        return streams.many_events(request, [str(pk) for pk in wanted], user.pk)
    return streams.owner_events(request, user.pk)


@sync_to_async  # one hop to the thread of the database for all of it
def _let_in(request: HttpRequest, wanted: Collection[uuid.UUID]) -> User | HttpResponse:
    """The person who asks, when a stream of these jobs is due; otherwise the answer."""
    if request.method not in ("GET", "HEAD"):
        return HttpResponse(status=405, headers={"Allow": "GET, HEAD"})
    user = request.user
    if not user.is_authenticated:
        return HttpResponse(status=401)
    if len(wanted) > MOST_JOBS:
        return HttpResponse(f"Name {MOST_JOBS} jobs at most.", status=404)
    visible = Job.objects.visible_to(user).filter(pk__in=wanted)
    if wanted and visible.count() < len(wanted):
        return HttpResponse(status=404)
    streams.keep_connection()
    return _headers_only() if request.method == "HEAD" else user


def _headers_only() -> HttpResponse:
    """What a client may ask before it connects: live.js tells a 401 from a failing proxy by it."""
    return HttpResponse(content_type="text/event-stream", headers={"Cache-Control": "no-store"})

"""The snapshots of jobs as JSON, for programs and pages that poll."""

import hashlib
import json
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.utils.cache import get_conditional_response

from headway.models import Job
from headway.policy import policy
from headway.stream.http import wait_before
from headway.web import grants, streams
from headway.web.access import allowed
from headway.web.presenters import Shown, show, show_visible
from headway.web.responses import problem
from headway.web.streams import MAX_JOBS

POLL_AFTER = 1
"""Seconds after which to ask again while the job is active."""


@allowed("GET", "HEAD")
def status(request: HttpRequest, pk: uuid.UUID) -> HttpResponseBase:
    """The object of a `snapshot` event, and the `cursor` to come back with; 304 while it is the
    same. With `?wait=` and a cursor, not before it has changed."""
    if not request.user.is_authenticated:
        return problem(request, 401, json=True)
    try:
        item = show_visible(pk, request.user)
    except Http404:
        return problem(request, 404, json=True)
    response = _answer(request, item)
    if item.is_active:
        grant = grants.of(request, {pk} if item.job.owner_id != request.user.pk else ())
        if wait := streams.news(request, str(pk), grant):
            return wait_before(response, wait)
    return response


@allowed("GET", "HEAD")
def statuses(request: HttpRequest) -> HttpResponseBase:
    """The same of all jobs that ?job= names, in one answer that never waits."""
    if not request.user.is_authenticated:
        return problem(request, 401, json=True)
    try:
        wanted = list(dict.fromkeys(uuid.UUID(name) for name in request.GET.getlist("job")))
    except ValueError:
        return problem(request, 404, json=True)
    if not 1 <= len(wanted) <= MAX_JOBS:
        return problem(request, 404, f"Name 1 to {MAX_JOBS} jobs: ?job=ID&job=ID.", json=True)
    known = policy.visible(Job.objects.filter(pk__in=wanted), request.user)
    if known.count() < len(wanted):
        return problem(request, 404, json=True)
    items = show(wanted, request.user)
    return _conditional(request, items, {"jobs": [item.snap for item in items]})


def _answer(request: HttpRequest, item: Shown) -> HttpResponse:
    return _conditional(request, [item], item.snap)


def _conditional(
    request: HttpRequest, items: Sequence[Shown], body: Mapping[str, Any]
) -> HttpResponse:
    # Weak: time goes by, and the cursor moves on with other jobs, while nothing happens to these.
    lasting = [
        {name: value for name, value in item.snap.items() if name not in ("elapsed", "quiet")}
        for item in items
    ]
    known = json.dumps(lasting, sort_keys=True).encode()
    etag = f'W/"{hashlib.sha256(known).hexdigest()[:32]}"'
    cursor = items[0].cursor if items else None
    whole = JsonResponse({**body} | {"cursor": cursor})
    whole["ETag"] = etag
    whole["Cache-Control"] = "private, no-cache"
    whole["Vary"] = "Authorization, Cookie"
    response: HttpResponse = get_conditional_response(request, etag=etag, response=whole) or whole
    if cursor is not None:
        response["Progress-Cursor"] = str(cursor)
    if any(item.is_active for item in items):
        response["Retry-After"] = str(POLL_AFTER)
    return response

"""The snapshot of one job as JSON, for programs that poll."""

import hashlib
import json
import uuid

from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.utils.cache import get_conditional_response

from headway.stream.http import wait_before
from headway.web import grants, streams
from headway.web.access import allowed, visible_job
from headway.web.presenters import Shown, show_one
from headway.web.responses import problem

POLL_AFTER = 1
"""Seconds after which to ask again while the job is active."""


@allowed("GET", "HEAD")
def status(request: HttpRequest, pk: uuid.UUID) -> HttpResponseBase:
    """The object of a `snapshot` event, and the `cursor` to come back with; 304 while it is the
    same. With `?wait=` and a cursor, not before it has changed."""
    if not request.user.is_authenticated:
        return problem(request, 401, json=True)
    try:
        item = show_one(visible_job(request, pk), request.user)
    except Http404:
        return problem(request, 404, json=True)
    response = _answer(request, item)
    if item.is_active:
        grant = grants.of(request, {pk} if item.job.owner_id != request.user.pk else ())
        if wait := streams.news(request, str(pk), grant):
            return wait_before(response, wait)
    return response


def _answer(request: HttpRequest, item: Shown) -> HttpResponse:
    # Weak: time goes by, and the cursor moves on with other jobs, while nothing happens to this.
    lasting = {name: value for name, value in item.snap.items() if name not in ("elapsed", "quiet")}
    known = json.dumps(lasting, sort_keys=True).encode()
    etag = f'W/"{hashlib.sha256(known).hexdigest()[:32]}"'
    whole = JsonResponse(item.snap | {"cursor": item.cursor})
    whole["ETag"] = etag
    whole["Cache-Control"] = "private, no-cache"
    whole["Vary"] = "Authorization, Cookie"
    response: HttpResponse = get_conditional_response(request, etag=etag, response=whole) or whole
    if item.cursor is not None:
        response["Progress-Cursor"] = str(item.cursor)
    if item.is_active:
        response["Retry-After"] = str(POLL_AFTER)
    return response

"""The snapshot of one job as JSON, for programs that poll."""

import hashlib
import uuid

from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.utils.cache import get_conditional_response
from django.views.decorators.http import require_safe

from jobs.views.access import visible_job
from jobs.views.answers import problem
from jobs.views.showing import show_one


@require_safe
def status(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """The same object as in a `snapshot` event; 304 while nothing has changed."""
    if not request.user.is_authenticated:
        return problem(request, 401, json=True)
    try:
        item = show_one(visible_job(request, pk))
    except Http404:
        return problem(request, 404, json=True)
    response = JsonResponse(item.snap)
    etag = f'"{hashlib.sha256(response.content).hexdigest()[:32]}"'
    response["ETag"] = etag
    response["Cache-Control"] = "private, no-cache"
    response["Vary"] = "Cookie"
    return get_conditional_response(request, etag=etag, response=response) or response

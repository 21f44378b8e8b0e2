"""The OpenAPI document of the URLs for programs."""

from django.http import HttpRequest, HttpResponse, JsonResponse

from headway.web import openapi
from headway.web.access import allowed, startable_kinds
from headway.web.responses import problem


@allowed("GET", "HEAD")
def document(request: HttpRequest) -> HttpResponse:
    """What programs may ask here, and the parameters of each kind of job that they may start."""
    if not request.user.is_authenticated:
        return problem(request, 401, json=True)
    site = request.build_absolute_uri("/").rstrip("/")
    return JsonResponse(openapi.document(site, startable_kinds(request)))

"""The probes' addresses: `path("", include("headway.probes"))`; and a middleware that answers them
whatever the Host, as orchestrators ask by address."""

from typing import Any

from asgiref.sync import async_to_sync, iscoroutinefunction
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.urls import Resolver404, path, resolve
from django.utils.decorators import sync_and_async_middleware

from headway.web.views.health import healthz, readyz

urlpatterns = [path("healthz", healthz), path("readyz", readyz)]
VIEWS = (healthz, readyz)
NAMES = (*(str(pattern.pattern) for pattern in urlpatterns), "metrics")


@sync_and_async_middleware
def any_host(get_response: Any) -> Any:
    """Middleware: answers the probes, and the metrics where they are included, before
    ALLOWED_HOSTS, redirects to HTTPS and sessions. It belongs before all others."""
    if not iscoroutinefunction(get_response):

        def answer(request: HttpRequest) -> HttpResponseBase:
            probe = _probe(request)
            response: HttpResponseBase
            response = async_to_sync(probe)(request) if probe else get_response(request)
            return response

        return answer

    async def answer_async(request: HttpRequest) -> HttpResponseBase:
        response: HttpResponseBase = await (_probe(request) or get_response)(request)
        return response

    return answer_async


def _probe(request: HttpRequest) -> Any:
    """The view of such an address; None for any other."""
    if request.method not in ("GET", "HEAD") or not request.path_info.endswith(NAMES):
        return None
    try:
        view = resolve(request.path_info).func
    except Resolver404:
        return None
    return view if view in VIEWS or getattr(view, "any_host", False) else None

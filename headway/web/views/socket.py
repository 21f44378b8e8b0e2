"""Where WebSockets are accepted: checks the user, and the page that connects."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.views.decorators.http import require_GET

from headway.models import Via
from headway.stream.ws import SocketRequest
from headway.web import grants, origins, streams, websocket
from headway.web.access import takes_tokens


@takes_tokens
@require_GET
def socket(request: HttpRequest) -> HttpResponseBase:
    """Streams of many jobs over one WebSocket, and cancelling them."""
    if not isinstance(request, SocketRequest):
        return HttpResponse(status=426, headers={"Upgrade": "websocket"})
    if not _is_from_here(request):
        return HttpResponse(status=403)
    if not request.user.is_authenticated:
        return HttpResponse(status=401)
    streams.keep_connections()
    return websocket.respond(grants.of(request), origins.of(request, Via.SOCKET))


def _is_from_here(request: HttpRequest) -> bool:
    """Browsers let every page open a WebSocket to any site, with that site's cookies, and say
    which page it was; programs say nothing."""
    origin, own = request.headers.get("Origin"), f"{request.scheme}://{request.get_host()}"
    return origin in (None, own, *getattr(settings, "CORS_ALLOWED_ORIGINS", ()))

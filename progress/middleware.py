"""Static files, compression, security headers and what other sites may do, for sync and async
handlers alike."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from functools import cache
from typing import Any
from urllib.parse import urlsplit

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from corsheaders.middleware import CorsMiddleware
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.middleware.gzip import GZipMiddleware
from django.utils.cache import has_vary_header
from django.utils.decorators import sync_and_async_middleware
from whitenoise.middleware import WhiteNoiseMiddleware
from whitenoise.responders import Redirect, StaticFile

from headway.web.responses import problem

POLICY = "; ".join(
    (
        "default-src 'self'",
        "img-src 'self' data:",
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )
)
PERMISSIONS = ", ".join(
    f"{device}=()"
    for device in ("camera", "display-capture", "geolocation", "microphone", "payment", "usb")
)
OF_ONE_USER = "private, no-cache"
"""Not no-store, which takes the back-forward cache away, out of which a page is live at once. What
must not be kept at all says so itself: the admin, start forms, result files."""

GetResponse = Callable[[HttpRequest], Any]


class StaticFiles(WhiteNoiseMiddleware):  # type: ignore[misc]  # it has no type hints
    """WhiteNoise, but a file is answered whole.

    WhiteNoise streams it with a synchronous iterator, about which Django warns under ASGI; and
    being synchronous only, it would send every request through a thread.
    """

    async_capable = True
    sync_capable = True

    def __init__(self, get_response: GetResponse) -> None:
        super().__init__(get_response)
        self._is_async = iscoroutinefunction(get_response)
        if self._is_async:
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> HttpResponseBase | Awaitable[HttpResponseBase]:
        if self._is_async:
            return self._answer(request)
        response: HttpResponseBase = super().__call__(request)
        return response

    async def _answer(self, request: HttpRequest) -> HttpResponseBase:
        look = self.find_file if self.autorefresh else self.files.get
        found = look(request.path_info)
        if found is None:
            response: HttpResponseBase = await self.get_response(request)
            return response
        return await asyncio.to_thread(self.serve, found, request)

    @staticmethod
    def serve(static_file: StaticFile | Redirect, request: HttpRequest) -> HttpResponse:
        answer = static_file.get_response(request.method, request.META)
        content = b""
        if answer.file is not None:
            with answer.file as file:
                content = file.read()
        response = HttpResponse(content, status=int(answer.status))
        del response["content-type"]
        for name, value in answer.headers:
            response[name] = value
        return response


class Compressed(GZipMiddleware):
    """Pages and JSON compressed, with a random length against BREACH. What is streamed goes out as
    it comes: events at once, and downloads with their length."""

    async def __acall__(self, request: HttpRequest) -> HttpResponseBase:
        response: HttpResponseBase = await self.get_response(request)  # type: ignore[misc]
        return self.process_response(request, response)

    def process_response(
        self, request: HttpRequest, response: HttpResponseBase
    ) -> HttpResponseBase:
        """The response, compressed where that is of use."""
        return response if response.streaming else super().process_response(request, response)


@sync_and_async_middleware
def security_headers(get_response: GetResponse) -> GetResponse:
    """Pages run only our own scripts, cannot be framed and use no devices; and what depends on who
    is signed in is shown from no cache unasked, unless it says otherwise itself."""

    if iscoroutinefunction(get_response):

        async def answer_async(request: HttpRequest) -> HttpResponseBase:
            return _secured(await get_response(request))

        return answer_async

    def answer(request: HttpRequest) -> HttpResponseBase:
        return _secured(get_response(request))

    return answer


@cache
def _headers(report_uri: str) -> Mapping[str, str]:
    """`report_uri`: where browsers tell what the policy has stopped, "" for nowhere."""
    headers = {"Content-Security-Policy": POLICY, "Permissions-Policy": PERMISSIONS}
    if report_uri:
        # Firefox knows report-uri alone; browsers that know both use report-to
        headers["Content-Security-Policy"] += f"; report-uri {report_uri}; report-to csp"
        headers["Reporting-Endpoints"] = f'csp="{report_uri}"'
    return headers


def _secured(response: HttpResponseBase) -> HttpResponseBase:
    for name, value in _headers(settings.CSP_REPORT_URI).items():
        response.headers.setdefault(name, value)
    if "Cache-Control" not in response.headers and has_vary_header(response, "Cookie"):
        response.headers["Cache-Control"] = OF_ONE_USER
    return response


class OtherSites(CorsMiddleware):
    """CORS for the origins in CORS_ALLOWED_ORIGINS. What scripts of any others fetch is refused:
    their browser would not let them read it, but the work, and a stream for hours, would be done.
    Links lead here from everywhere, and what changes anything is guarded by form tokens."""

    def check_preflight(self, request: HttpRequest) -> HttpResponseBase | None:
        """The answer to a preflight, or the refusal; None for all that goes on to the view."""
        answer = super().check_preflight(request)
        is_enabled: bool = request._cors_enabled  # type: ignore[attr-defined]  # set by the line above
        if answer is None and is_enabled and self._is_foreign(request):
            return problem(request, 403, "This may not be read by other sites.", json=True)
        return answer

    def _is_foreign(self, request: HttpRequest) -> bool:
        if request.method not in ("GET", "HEAD"):
            return False
        said = request.META  # a header that was not sent is missed in a tenth of the time
        if said.get("HTTP_SEC_FETCH_MODE") == "navigate":
            return False
        origin = said.get("HTTP_ORIGIN")
        if origin is None:
            return bool(said.get("HTTP_SEC_FETCH_SITE") == "cross-site")
        try:
            url = urlsplit(origin)
        except ValueError:
            return True
        ours = url.netloc == request.get_host()
        return not ours and not self.origin_found_in_white_lists(origin, url)

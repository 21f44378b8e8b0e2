"""How a view answers: a page for people, a partial for htmx, JSON for programs."""

from enum import Enum
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import render, resolve_url
from django.utils.cache import patch_vary_headers
from django.utils.http import url_has_allowed_host_and_scheme

ERRORS = {
    400: ("That did not work", "The request could not be understood."),
    401: ("Sign in", "Sign in to see this."),
    403: ("Not allowed", "You may not do this."),
    404: ("Not found", "There is nothing here, or it is not yours to see."),
    405: ("Not possible", "This address does not answer to that method."),
    409: ("Not now", "The job is no longer in a state for that."),
    413: ("Too large", "That is more than this server takes."),
    500: ("Something broke", "The error has been noted. Running jobs are not affected."),
}
"""Status -> title and sentence of its page."""


class Wants(Enum):
    """What the caller asked for."""

    PAGE = "page"
    PARTIAL = "partial"
    JSON = "json"

    @classmethod
    def of(cls, request: HttpRequest) -> "Wants":
        """By htmx's header, then by Accept, then by the type of the body."""
        if request.headers.get("HX-Request") == "true":
            return cls.PARTIAL
        offered = ["text/html", "application/json"]
        if request.content_type == "application/json":
            offered.reverse()
        preferred = request.get_preferred_type(offered)
        return cls.JSON if preferred == "application/json" else cls.PAGE


def vary(response: HttpResponse) -> HttpResponse:
    """Keeps caches from giving one caller's form of an answer to another."""
    patch_vary_headers(response, ["Accept", "HX-Request", "Cookie"])
    return response


class SeeOther(HttpResponseRedirect):
    """303: the POST is done, GET this."""

    status_code = 303


def problem(
    request: HttpRequest, status: int, sentence: str = "", *, json: bool = False
) -> HttpResponse:
    """An error in the form that the caller wants, or as JSON whatever that is.

    htmx gets the bare sentence, which live.js shows above the page.
    """
    title, standard = ERRORS[status]
    message = sentence or standard
    wants = Wants.JSON if json else Wants.of(request)
    if wants is Wants.JSON:
        return vary(JsonResponse({"error": message}, status=status))
    if wants is Wants.PARTIAL:
        headers = {"Content-Type": "text/plain; charset=utf-8", "HX-Reswap": "none"}
        return vary(HttpResponse(message, status=status, headers=headers))
    context = {"title": title, "sentence": message, "status": status}
    return vary(render(request, "error.html", context, status=status))


def sign_in_first(request: HttpRequest) -> HttpResponse:
    """For anonymous callers: pages lead to the sign-in form, programs and scripts get a 401."""
    wants = Wants.of(request)
    if wants is Wants.PAGE:
        return vary(redirect_to_login(request.get_full_path()))
    if wants is Wants.JSON:
        return problem(request, 401)
    response = HttpResponse(status=401)
    if request.method == "POST":
        # A click deserves the form; what the page fetches by itself must not take the page away.
        response["HX-Redirect"] = redirect_to_login(_current_page(request)).url
    return vary(response)


def _current_page(request: HttpRequest) -> str:
    url = request.headers.get("HX-Current-URL", "")
    if url_has_allowed_host_and_scheme(url, {request.get_host()}, request.is_secure()):
        parts = urlsplit(url)
        return parts._replace(scheme="", netloc="").geturl()
    return resolve_url(settings.LOGIN_REDIRECT_URL)

"""How a view answers: a page for people, a partial for htmx, JSON for programs."""

from collections.abc import Mapping, Sequence
from enum import Enum
from http import HTTPStatus
from itertools import islice
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import render, resolve_url
from django.utils.cache import patch_vary_headers
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext_lazy as _

from headway.conf import conf
from headway.lifecycle.actions import LimitError
from headway.stream.event import clean

STOP_POLLING = 286
"""The status by which htmx ends a poll (htmx documentation, Load Polling)."""
ERRORS = {
    400: (_("That did not work"), _("The request could not be understood.")),
    401: (_("Sign in"), _("Sign in to see this.")),
    403: (_("Not allowed"), _("You may not do this.")),
    404: (_("Not found"), _("This page does not exist, or you may not see it.")),
    405: (_("Not possible"), _("This URL does not support that method.")),
    409: (_("Not now"), _("The job's state no longer allows this.")),
    412: (_("Not understood"), _("This server speaks another version of this protocol.")),
    413: (_("Too large"), _("That is more than this server accepts.")),
    415: (_("Not understood"), _("This server does not accept that type of content.")),
    422: (_("Used before"), _("This key has already been used for a different request.")),
    460: (_("Changed on its way"), _("What arrived is not what was sent.")),
    429: (_("Too much at once"), _("You have reached this server's limit of concurrent answers.")),
    500: (_("Something broke"), _("The error has been logged. Running jobs are not affected.")),
    503: (_("Not available"), _("This is not possible at the moment. Try again in a minute.")),
    507: (_("No space left"), _("The server has no space left for this file. Nothing was stored.")),
}
"""Status -> title and sentence of its page."""
CHALLENGE = 'Bearer realm="progress"'
"""How to sign in where there is no form (RFC 9110, section 11.6.1)."""
MAX_ERRORS, MAX_ERROR_LENGTH = 50, 300
"""Sentences about parameters in one answer at most, and characters of each: they quote callers."""
PAGES = ["text/html"]
PROGRAMS = ["application/json", "application/problem+json"]


class Wants(Enum):
    """What the caller asked for."""

    PAGE = "page"
    PARTIAL = "partial"
    JSON = "json"

    @classmethod
    def of(cls, request: HttpRequest) -> "Wants":
        """By htmx's header, then by Accept, then by what else only programs send: a body of JSON,
        a token. Who accepts none of it is a program too, and gets JSON: a 406 would say less."""
        if request.headers.get("HX-Request") == "true":
            return cls.PARTIAL
        program = request.content_type == "application/json" or "Authorization" in request.headers
        offered = PROGRAMS + PAGES if program else PAGES + PROGRAMS
        return cls.PAGE if request.get_preferred_type(offered) in PAGES else cls.JSON


def vary(response: HttpResponse) -> HttpResponse:
    """Keeps caches from giving one caller's form of an answer to another."""
    patch_vary_headers(response, ["Accept", "Authorization", "Cookie", "HX-Request"])
    return response


def page(
    request: HttpRequest, template: str, context: Mapping[str, Any], status: int = 200
) -> HttpResponse:
    """A page of the app within the base template of the project."""
    context = {"base_template": conf.BASE_TEMPLATE, **context}
    return vary(render(request, template, context, status=status))


class SeeOther(HttpResponseRedirect):
    """303: the POST is done, GET this."""

    status_code = 303


def problem(
    request: HttpRequest,
    status: int,
    sentence: str = "",
    *,
    json: bool = False,
    errors: Mapping[str, Sequence[str]] | None = None,
) -> HttpResponse:
    """An error in the form that the caller wants, or as JSON whatever that is; `errors` has
    sentences about single parameters.

    htmx gets the bare sentence, which the page shows above its content.
    """
    title, standard = ERRORS[status]
    message = sentence or str(standard)
    wants = Wants.JSON if json else Wants.of(request)
    if wants is Wants.JSON:
        response = problem_details(status, message, errors or {})
    elif wants is Wants.PARTIAL:
        headers = {"Content-Type": "text/plain; charset=utf-8", "HX-Reswap": "none"}
        response = HttpResponse(message, status=status, headers=headers)
    else:
        context = {"title": title, "sentence": message, "status": status}
        response = page(request, "headway/error.html", context, status=status)
    if status == HTTPStatus.UNAUTHORIZED:
        response["WWW-Authenticate"] = CHALLENGE
    return vary(response)


def too_many(request: HttpRequest, error: LimitError) -> HttpResponse:
    """429 for a user who has reached a limit: the sentence, and when to try again."""
    response = problem(request, 429, str(error))
    response["Retry-After"] = str(error.retry_after)
    return response


def problem_details(
    status: int, sentence: str, errors: Mapping[str, Sequence[str]]
) -> HttpResponse:
    """An error for programs (RFC 9457), which needs neither session nor database. Each of `errors`
    points to its parameter in the body."""
    body: dict[str, object] = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase if status in [*HTTPStatus] else ERRORS[status][0],
        "status": status,
        "detail": clean(sentence, MAX_ERROR_LENGTH * 10),
    }
    if errors:
        told = ((name, each) for name in errors for each in errors[name])
        body["errors"] = [
            {"pointer": f"#/{clean(name, 100)}", "detail": clean(each, MAX_ERROR_LENGTH)}
            for name, each in islice(told, MAX_ERRORS)
        ]
    return JsonResponse(body, status=status, content_type=PROGRAMS[1])


def sign_in_first(request: HttpRequest) -> HttpResponse:
    """For anonymous callers: pages lead to the sign-in form, programs and scripts get a 401."""
    wants = Wants.of(request)
    if wants is Wants.PAGE:
        return vary(redirect_to_login(request.get_full_path()))
    if wants is Wants.JSON:
        return problem(request, 401)
    response = HttpResponse(status=401, headers={"WWW-Authenticate": CHALLENGE})
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

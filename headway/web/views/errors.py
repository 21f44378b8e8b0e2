"""Errors as pages in the style of the others, or as JSON for programs."""

import sys
from typing import Any

from django.core.exceptions import RequestDataTooBig
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.utils.translation import gettext as _

from headway.conf import conf
from headway.lifecycle.errors import is_full, noted
from headway.lifecycle.outage import is_outage
from headway.web.request_log import shown_path
from headway.web.responses import ERRORS, Wants, problem, problem_details


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """400 for what Django itself refused, such as a forged host; 413 for a body of parameters that
    is too large."""
    return problem(request, 413 if isinstance(exception, RequestDataTooBig) else 400)


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    """403."""
    del exception
    return problem(request, 403)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """404, the same for what does not exist and for what belongs to another user."""
    del exception
    return problem(request, 404)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """403 for a form that is too old, or that another site sent."""
    del reason
    return problem(
        request,
        403,
        _("This form has expired or came from another site. Go back, reload it and try again."),
    )


def server_error(request: HttpRequest) -> HttpResponse:
    """500, 503 where the database is away, or 507 where the disk is full. Needs neither session
    nor database: they may be what broke. The log has the traceback beside the reference that is
    shown."""
    error = sys.exc_info()[1]
    away = isinstance(error, (InterfaceError, OperationalError)) or is_outage(error)
    status = 503 if away else 507 if is_full(error) else 500
    title, sentence = map(str, ERRORS[status])
    if not away:
        sentence = _("{sentence} Reference: {reference}").format(
            sentence=sentence, reference=noted(shown_path(request), type(error).__name__)
        )
    if Wants.of(request) is Wants.JSON:
        response = problem_details(status, sentence, {})
    else:
        context: dict[str, Any] = {"base_template": conf.BASE_TEMPLATE, "title": title}
        context |= {"sentence": sentence, "status": status}
        response = HttpResponse(render_to_string("headway/error.html", context), status=status)
    if away:
        response["Retry-After"] = "5"
    return response

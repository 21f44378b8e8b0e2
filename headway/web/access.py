"""What views check before they answer; what a user may not see is a 404, never a 403."""

import re
import uuid
from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec, TypeVar

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase

from headway.kinds import registry
from headway.kinds.registry import Kind
from headway.lifecycle import audit
from headway.models import Job
from headway.policy import policy
from headway.users import Person
from headway.web import origins
from headway.web.responses import problem, sign_in_first

SAFE = ("GET", "HEAD", "OPTIONS")
"""Methods by which nothing is done."""
P = ParamSpec("P")
R = TypeVar("R")


def signed_in(
    view: Callable[Concatenate[HttpRequest, P], HttpResponseBase],
) -> Callable[Concatenate[HttpRequest, P], HttpResponseBase]:
    """Lets only signed-in people through to a view."""

    @wraps(view)
    def answer(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        if not request.user.is_authenticated:
            return sign_in_first(request)
        if request.method in SAFE:
            return view(request, *args, **kwargs)
        with audit.coming_from(origins.of(request)):
            return view(request, *args, **kwargs)

    return answer


def allowed(
    *methods: str,
) -> Callable[
    [Callable[Concatenate[HttpRequest, P], HttpResponseBase]],
    Callable[Concatenate[HttpRequest, P], HttpResponseBase],
]:
    """Lets only some methods through to a view; tells those who ask by OPTIONS which."""
    allow = ", ".join([*methods, "OPTIONS"])

    def decorate(
        view: Callable[Concatenate[HttpRequest, P], HttpResponseBase],
    ) -> Callable[Concatenate[HttpRequest, P], HttpResponseBase]:
        @wraps(view)
        def answer(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
            if request.method in methods:
                return view(request, *args, **kwargs)
            asked = request.method == "OPTIONS"
            response = HttpResponse(status=204) if asked else problem(request, 405)
            response["Allow"] = allow
            return response

        return answer

    return decorate


def takes_tokens(view: Callable[P, R]) -> Callable[P, R]:
    """Lets API tokens sign in at a view outside of this app."""
    view.takes_tokens = True  # type: ignore[attr-defined]  # read by headway.web.tokens
    return view


def takes_files(view: Callable[P, R]) -> Callable[P, R]:
    """Marks a view to which those who are signed in may send a body of UPLOAD_MAX_BYTES."""
    view.takes_files = True  # type: ignore[attr-defined]  # read by headway.web.bodies
    return view


def gives_secrets(view: Callable[P, R]) -> Callable[P, R]:
    """Marks a view whose answers are secrets themselves, such as the addresses of links: API tokens
    that only read or start jobs do not open it."""
    view.gives_secrets = True  # type: ignore[attr-defined]  # read by headway.web.tokens
    return view


def starts(*methods: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Marks a view that starts jobs by these methods, for the scopes of API tokens."""

    def decorate(view: Callable[P, R]) -> Callable[P, R]:
        view.starts_by = methods  # type: ignore[attr-defined]  # read by headway.web.tokens
        return view

    return decorate


def person(request: HttpRequest) -> Person:
    """The signed-in user of a view behind `signed_in`."""
    return request.user


def visible_job(request: HttpRequest, pk: uuid.UUID) -> Job:
    """The job, if this person may see it. Raises Http404 otherwise."""
    job = policy.visible(Job.objects.filter(pk=pk), request.user).first()
    if job is None:
        raise Http404
    return job


def positive(text: str | None) -> int | None:
    """A number in an address, from 1; None where there is none. Raises Http404 for what is none."""
    if text is None:
        return None
    if not re.fullmatch(r"[1-9][0-9]{0,8}", text, re.ASCII):
        raise Http404
    return int(text)


def startable_kinds(request: HttpRequest) -> list[Kind]:
    """The kinds of jobs that this person may start, in the order of their titles."""
    known = registry.kinds().values()
    own = [kind for kind in known if not kind.is_internal]
    return [kind for kind in own if policy.may_start(request.user, kind.name)]

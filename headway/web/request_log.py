"""Gives each request an id, which all lines of the log say that are made for it, and writes a line
of its own when it has been answered."""

import logging
import random
import re
import time
from contextlib import suppress
from typing import Any

from asgiref.sync import iscoroutinefunction
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.urls import Resolver404, ResolverMatch, resolve
from django.utils.decorators import sync_and_async_middleware

from headway import logs
from headway.kinds import secrets
from headway.web import origins

logger = logging.getLogger("headway.access")
HEADER = "X-Request-ID"
DEEPEST = 10
"""Parts of a path that are looked at for secrets where it is no address of the site."""
SAFE = re.compile(r"[A-Za-z0-9._-]{1,64}")


@sync_and_async_middleware
def request_log(get_response: Any) -> Any:
    """Middleware: believes the `X-Request-ID` of a proxy if it is a plain word, else makes one, and
    sends it back. It belongs before all others whose lines should have it."""
    if not iscoroutinefunction(get_response):

        def answer(request: HttpRequest) -> HttpResponseBase:
            begun = _begin(request)
            with logs.about(request=request):
                response: HttpResponseBase = get_response(request)
                return _end(request, response, begun)

        return answer

    async def answer_async(request: HttpRequest) -> HttpResponseBase:
        begun = _begin(request)
        with logs.about(request=request):
            response: HttpResponseBase = await get_response(request)
            return _end(request, response, begun)

    return answer_async


def _begin(request: Any) -> float:
    given = request.headers.get(HEADER, "")
    request.secrets_in_path = _secrets
    request.request_id = given if SAFE.fullmatch(given) else _new_id()
    return time.monotonic()


def _new_id() -> str:
    # uuid4 asks the kernel, and so lets go of Python's lock: others run on before it comes back
    return f"{random.getrandbits(128):032x}"


def _end(request: Any, response: HttpResponseBase, begun: float) -> HttpResponseBase:
    response.headers[HEADER] = request.request_id
    if not logger.isEnabledFor(logging.INFO):
        return response
    said = {
        "client": origins.address(request),
        "method": request.method,
        "path": shown_path(request),
        "status": response.status_code,
        "seconds": round(time.monotonic() - begun, 4),
    }
    line = '%(client)s "%(method)s %(path)s" %(status)d, %(seconds).3f s'
    logger.info(line, said, extra={"data": said})
    return response


def shown_path(request: HttpRequest) -> str:
    """Without the query, and without what in it is a secret, such as the token of a link."""
    path = request.path
    for secret in _secrets(request):
        path = path.replace(secret, logs.HIDDEN)
    return path[:500]


def _secrets(request: Any) -> list[str]:
    match = getattr(request, "resolver_match", None)
    matches = [match] if match else _of_its_beginnings(request.path)
    named = [each for match in matches for each in match.kwargs.items()]
    return [str(value) for name, value in named if value and secrets.looks_secret(name)]


def _of_its_beginnings(path: str) -> list[ResolverMatch]:
    """A link that lost its last slash, or has more behind it, is no address of the site, and one
    that is redirected to HTTPS was not looked for; its secret opens something all the same."""
    parts, found = path.split("/")[:DEEPEST], []
    for end in range(2, len(parts) + 1):
        with suppress(Resolver404):
            found.append(resolve("/".join(parts[:end]) + "/"))
    return found

"""A Content-Security-Policy with a nonce for each page, as django-csp and Django 6 give it."""

import secrets
from collections.abc import Awaitable, Callable

from asgiref.sync import iscoroutinefunction
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.decorators import sync_and_async_middleware

POLICY = "default-src 'none'; connect-src 'self'; style-src 'self'; script-src 'nonce-{}'"


@sync_and_async_middleware
def content_security_policy(
    get_response: Callable[[HttpRequest], HttpResponseBase | Awaitable[HttpResponseBase]],
) -> Callable[[HttpRequest], HttpResponseBase | Awaitable[HttpResponseBase]]:
    """Scripts need the nonce of the page, and styles come from files."""

    def prepare(request: HttpRequest) -> str:
        nonce = secrets.token_urlsafe(16)
        request.csp_nonce = nonce  # type: ignore[attr-defined]
        return POLICY.format(nonce)

    async def answer_async(request: HttpRequest) -> HttpResponseBase:
        policy = prepare(request)
        response: HttpResponseBase = await get_response(request)  # type: ignore[misc]
        response["Content-Security-Policy"] = policy
        return response

    def answer(request: HttpRequest) -> HttpResponseBase:
        policy = prepare(request)
        response = get_response(request)
        assert isinstance(response, HttpResponseBase)
        response["Content-Security-Policy"] = policy
        return response

    return answer_async if iscoroutinefunction(get_response) else answer

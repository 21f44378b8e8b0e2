"""Lets streams in as Django lets requests in, by all middleware and their views; but those that
arrive together in one hop to the thread."""

import asyncio
import contextvars
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

from asgiref.sync import sync_to_async
from django.core.handlers.asgi import ASGIHandler, ASGIRequest, get_script_prefix
from django.core.handlers.base import BaseHandler
from django.core.signals import request_started
from django.http import HttpRequest, HttpResponseBase
from django.urls import set_script_prefix

from .asgi import Receive
from .groups import Groups
from .long_poll import left
from .turns import Turns

MAX_SECONDS = 0.5
"""Seconds after which a group hands on to the next whatever it has not answered yet, for which it
has to be found anew. A group of a hundred takes a tenth of that, unless the machine is busy."""


Together = Callable[[Sequence[HttpRequest]], AbstractContextManager[object]]


def has_body(scope: Any) -> bool:
    """Whether a body comes with a request, as far as its head says."""
    return any(
        name == b"transfer-encoding" or (name == b"content-length" and value != b"0")
        for name, value in scope["headers"]
    )


class Asked(NamedTuple):
    """A request, and the context in which it came."""

    request: ASGIRequest
    scope: Any
    context: contextvars.Context


class Admission:
    """`together` is entered around a group of requests, in their thread: it may find for all what
    each will ask for."""

    def __init__(self, together: Together) -> None:
        self._together = together
        self.django = BaseHandler()
        self.django.load_middleware()
        self.turns = Turns()
        self._groups: WeakKeyDictionary[
            asyncio.AbstractEventLoop, Groups[Asked, HttpResponseBase]
        ] = WeakKeyDictionary()

    async def answer(
        self, request: ASGIRequest, scope: Any, receive: Receive, who: str
    ) -> HttpResponseBase | None:
        """The response to a request; None when its client has left before its turn came. Requests
        of `who`, not yet checked, take turns."""
        leaving = asyncio.ensure_future(left(receive))
        try:
            async with self.turns.of(who):
                answer = self._here().ask(Asked(request, scope, contextvars.copy_context()))
                leaving.add_done_callback(lambda _: answer.cancel())
                return await answer
        except asyncio.CancelledError:
            if not leaving.done():
                raise
            return None
        finally:
            leaving.cancel()

    def _here(self) -> Groups[Asked, HttpResponseBase]:
        loop = asyncio.get_running_loop()
        if loop not in self._groups:
            self._groups[loop] = Groups(sync_to_async(self._answer_all))
        return self._groups[loop]

    def _answer_all(self, group: Sequence[Asked]) -> Sequence[HttpResponseBase | Exception]:
        until = time.monotonic() + MAX_SECONDS
        answers: list[HttpResponseBase | Exception] = []
        with self._together([asked.request for asked in group]):
            for asked in group:
                answers.append(asked.context.run(self._answer, asked))
                if time.monotonic() > until:
                    break
        return answers

    def _answer(self, asked: Asked) -> HttpResponseBase | Exception:
        set_script_prefix(get_script_prefix(asked.scope))
        request_started.send(sender=ASGIHandler, scope=asked.scope)
        try:
            response: HttpResponseBase = self.django.get_response(asked.request)
        except Exception as error:  # noqa: BLE001 - as with DEBUG_PROPAGATE_EXCEPTIONS
            return error
        if getattr(response, "outlives_request", not response.streaming):
            response.close()
        return response

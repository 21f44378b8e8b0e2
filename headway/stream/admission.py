"""Lets streams in as Django lets requests in, by all middleware and their views; but those that
arrive together in one hop to the thread."""

import asyncio
import contextvars
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, suppress
from typing import Any, NamedTuple
from uuid import UUID
from weakref import ReferenceType, WeakKeyDictionary

from asgiref.sync import sync_to_async
from django.core.handlers.asgi import ASGIHandler, ASGIRequest, get_script_prefix
from django.core.handlers.base import BaseHandler
from django.core.signals import request_finished, request_started
from django.http import HttpRequest, HttpResponseBase
from django.urls import ResolverMatch, get_urlconf, set_script_prefix
from django.utils.translation import get_language

from .asgi import Receive
from .groups import Groups
from .long_poll import left
from .turns import Turns

PLAIN = (int, str, UUID)
"""Types of values in an address, none of which can be changed."""
MAX_SECONDS = 0.5
"""Seconds after which a group hands on to the next whatever it has not answered yet, for which it
has to be found anew. A group of a hundred takes a tenth of that, unless the machine is busy."""


Answer = HttpResponseBase | Exception
Tell = Callable[[HttpResponseBase], object]
Together = Callable[[Sequence[HttpRequest]], AbstractContextManager[object]]


def has_body(scope: Any) -> bool:
    """Whether a body comes with a request, as far as its head says."""
    return any(
        name == b"transfer-encoding" or (name == b"content-length" and value != b"0")
        for name, value in scope["headers"]
    )


class Asked(NamedTuple):
    """A request, and where it came."""

    request: ASGIRequest
    scope: Any
    context: contextvars.Context
    tell: Tell
    """Takes the answer from the thread at once."""


class Django(BaseHandler):
    """Django's handler, which looks each address up once for a group: to try all patterns takes a
    tenth of a request's time, and many come for the same stream."""

    def __init__(self) -> None:
        super().__init__()
        self._found: dict[tuple[object, ...], ResolverMatch] = {}

    def forget(self) -> None:
        """The next addresses are looked up."""
        self._found.clear()

    def resolve_request(self, request: HttpRequest) -> ResolverMatch:
        """A match of the request's own."""
        if hasattr(request, "urlconf"):
            return super().resolve_request(request)
        place = get_urlconf(), get_language(), request.path_info
        found = self._found.get(place)
        if found is None:
            found = super().resolve_request(request)
            if all(type(value) in PLAIN for value in found.kwargs.values()) and not found.args:
                self._found[place] = _twin(found)
            return found
        request.resolver_match = _twin(found)
        return request.resolver_match


def _twin(match: ResolverMatch) -> ResolverMatch:
    twin = ResolverMatch.__new__(ResolverMatch)
    twin.__dict__.update(match.__dict__, kwargs={**match.kwargs})
    return twin


def _only_django_listens() -> bool:
    """Whether a request's begin and end are told to nobody but Django, who then only looks whether
    database connections are too old or broken, and puts away what a group may share."""
    receivers = [*request_started.receivers, *request_finished.receivers]
    references = [reference for _, reference, *_ in receivers]
    known = [each() if isinstance(each, ReferenceType) else each for each in references]
    return all(getattr(each, "__module__", "").startswith("django.") for each in known)


def _close(response: Any) -> None:
    """As Django closes it, but without the signal, which is sent at the group's end."""
    for close in response._resource_closers:
        with suppress(Exception):
            close()
    response._resource_closers.clear()
    response.closed = True


class Admission:
    """`together` is entered around a group of requests, in their thread: it may find for all what
    each will ask for. `foresee` is told in the event loop of the answer to a request that comes
    alone, just before whoever asked."""

    def __init__(self, together: Together, foresee: Tell) -> None:
        self._together, self._foresee = together, foresee
        self.django = Django()
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
                loop, context = asyncio.get_running_loop(), contextvars.copy_context()

                def take(response: HttpResponseBase) -> None:
                    if not answer.done():
                        self._foresee(response)
                        answer.set_result(response)

                def tell(response: HttpResponseBase) -> None:
                    loop.call_soon_threadsafe(take, response)

                answer = self._here().ask(Asked(request, scope, context, tell))
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

    def _answer_all(self, group: Sequence[Asked]) -> Sequence[Answer]:
        until = time.monotonic() + MAX_SECONDS
        self.django.forget()
        is_private = _only_django_listens()
        answers: list[Answer] = []
        with self._together([asked.request for asked in group]):
            for asked in group:
                is_begun = is_private and bool(answers) and getattr(answers[-1], "closed", False)
                answers.append(asked.context.run(self._answer, asked, is_begun, is_private))
                if time.monotonic() > until:
                    break
            # What is left to do here, and the way back from a group, need not be waited for
            if len(group) == 1 and isinstance(answers[0], HttpResponseBase):
                group[0].tell(answers[0])
        if is_private:
            request_finished.send(sender=ASGIHandler)
        return answers

    def _answer(self, asked: Asked, is_begun: bool, is_private: bool) -> Answer:
        set_script_prefix(get_script_prefix(asked.scope))
        if not is_begun:
            request_started.send(sender=ASGIHandler, scope=asked.scope)
        try:
            response: HttpResponseBase = self.django.get_response(asked.request)
        except Exception as error:  # noqa: BLE001 - as with DEBUG_PROPAGATE_EXCEPTIONS
            return error
        outlives = getattr(response, "outlives_request", None)
        if outlives and is_private:
            _close(response)
        elif outlives or not response.streaming:
            response.close()
        if not getattr(response, "needs_request", True):
            getattr(asked.request, "take_apart", bool)()
        return response

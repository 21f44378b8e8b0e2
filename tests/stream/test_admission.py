"""How requests for streams come to the thread, and what becomes of those that cannot wait."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.handlers.base import BaseHandler
from django.core.signals import request_finished, request_started
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.test import override_settings
from django.urls import set_urlconf

from headway.stream import admission
from tests.stream import asking
from tests.stream.asking import (
    Client,
    Handler,
    asked,
    closed,
    elsewhere,
    elsewhere_urls,
    matches,
    plain,
)

pytestmark = pytest.mark.django_db  # the thread looks after connections that others have opened


@pytest.fixture
def handler() -> Iterator[Handler]:
    with override_settings(ROOT_URLCONF=asking.__name__, MIDDLEWARE=[], ALLOWED_HOSTS=["*"]):
        yield Handler()


async def test_those_who_arrive_together_are_let_in_together(handler: Handler) -> None:
    clients = [Client("/plain/events/", b"n=%d" % n) for n in range(5)]
    await asyncio.gather(*(client.ask(handler) for client in clients))
    assert [client.answer for client in clients] == [(200, b"%d" % n) for n in range(5)]
    assert handler.groups == [5]


async def test_one_who_asks_many_times_takes_turns_with_themselves(handler: Handler) -> None:
    clients = [Client("/plain/events/", who="the same") for _ in range(3)]
    await asyncio.gather(*(client.ask(handler) for client in clients))
    assert handler.groups == [1, 1, 1]


async def test_a_group_that_takes_long_hands_on(
    handler: Handler, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(admission, "MAX_SECONDS", -1.0)
    clients = [Client("/plain/events/") for _ in range(3)]
    await asyncio.gather(*(client.ask(handler) for client in clients))
    assert handler.groups == [3, 2, 1]
    assert [client.answer for client in clients] == [(200, b"")] * 3


async def test_who_leaves_before_their_turn_is_not_asked_about(handler: Handler) -> None:
    handler.may.clear()
    first, second = Client("/plain/events/"), Client("/plain/events/")
    asking = [first.ask(handler)]
    await asyncio.to_thread(handler.begun.wait)
    asking.append(second.ask(handler))
    await asyncio.sleep(0)
    second.gone.set()
    await asking[1]
    assert not second.got
    handler.may.set()
    await asking[0]
    assert first.answer == (200, b"")
    assert handler.groups == [1]


async def test_a_server_that_ends_meanwhile_ends_the_waiting(handler: Handler) -> None:
    handler.may.clear()
    client = Client("/plain/events/")
    asking = client.ask(handler)
    await asyncio.to_thread(handler.begun.wait)
    asking.cancel()
    handler.may.set()
    with pytest.raises(asyncio.CancelledError):
        await asking
    assert not client.got


async def test_a_request_that_makes_no_sense_is_told_so(handler: Handler) -> None:
    client = Client("/plain/events/", b"\xff")
    await client.ask(handler)
    assert client.answer == (400, b"")


async def test_a_request_with_a_body_goes_djangos_way(handler: Handler) -> None:
    for client in (
        Client("/plain/events/", content_length="7"),
        Client("/plain/events/", transfer_encoding="chunked"),
    ):
        await client.ask(handler)
        assert client.answer == (200, b"")
    assert handler.groups == []
    client = Client("/plain/events/", content_length="0")
    await client.ask(handler)
    assert handler.groups == [1]


async def test_an_error_that_is_to_be_raised_is_raised(
    handler: Handler, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(request: HttpRequest) -> HttpResponse:
        raise ValueError("as with DEBUG_PROPAGATE_EXCEPTIONS")

    monkeypatch.setattr(handler._admission.django, "get_response", fail)
    with pytest.raises(ValueError, match="PROPAGATE"):
        await Client("/plain/events/").ask(handler)


async def test_a_stream_of_the_projects_own_is_closed_after_it_was_sent(handler: Handler) -> None:
    client = Client("/own/events/")
    closed.clear()
    await client.ask(handler)
    assert client.answer == (200, b"a piece")
    assert closed == ["pieces"]


async def together(handler: Handler, *clients: Client) -> None:
    await asyncio.gather(*(client.ask(handler) for client in clients))
    assert handler.groups == [len(clients)]


async def test_an_address_is_looked_up_once_for_a_group_and_each_gets_a_match_of_its_own(
    handler: Handler, monkeypatch: pytest.MonkeyPatch
) -> None:
    matches.clear()
    looked_up: list[str] = []
    resolve = BaseHandler.resolve_request

    def counted(self: BaseHandler, request: HttpRequest) -> Any:
        looked_up.append(request.path_info)
        return resolve(self, request)

    monkeypatch.setattr(BaseHandler, "resolve_request", counted)
    paths = [f"/named/{name}/events/" for name in "aab"] + ["/numbered/1/events/"] * 2
    clients = [Client(path) for path in paths]
    await together(handler, *clients)
    assert [client.answer[1] for client in clients] == [b"a", b"a", b"b", b"1", b"1"]
    # What is not named is looked up for each
    assert looked_up == [paths[0], *paths[2:]]
    assert len({match for match, _ in matches}) == 3
    assert [kwargs for _, kwargs in matches] == [{"name": name} for name in "aab"]


async def test_who_is_sent_elsewhere_by_a_middleware_is_looked_up_there(handler: Handler) -> None:
    request = HttpRequest()
    request.path_info = "/plain/events/"
    django = handler._admission.django
    assert django.resolve_request(request).func is plain
    request.urlconf = elsewhere_urls  # type: ignore[assignment]  # a module may stand there, too
    assert django.resolve_request(request).func is elsewhere
    set_urlconf(None)


async def test_who_listens_to_the_begin_of_requests_is_told_of_each(handler: Handler) -> None:
    told: list[Any] = []

    def listen(scope: Any, **_: Any) -> None:
        told.append(scope["path"])

    request_started.connect(listen)
    try:
        await together(handler, *[Client("/plain/events/") for _ in range(3)])
    finally:
        request_started.disconnect(listen)
    assert told == ["/plain/events/"] * 3


@pytest.mark.parametrize(("module", "times"), [("django.somewhere", 1), ("elsewhere", 3)])
def test_the_end_of_streams_is_told_to_django_once_for_a_group_and_to_others_of_each(
    handler: Handler, module: str, times: int
) -> None:
    told: list[Any] = []

    def listen(**_: Any) -> None:
        told.append(None)

    listen.__module__ = module
    request_finished.connect(listen)
    scope = Client("/stream/events/").scope
    try:
        answers = handler._admission._answer_all(asked(scope, 3))
    finally:
        request_finished.disconnect(listen)
    assert [getattr(answer, "closed", None) for answer in answers] == [True] * 3
    assert len(told) == times


@pytest.mark.parametrize(("number", "times"), [(1, 1), (3, 0)])
def test_a_stream_that_comes_alone_is_answered_before_its_group_ends(
    handler: Handler, number: int, times: int
) -> None:
    told: list[HttpResponseBase] = []
    group = asked(Client("/stream/events/").scope, number, told.append)
    answers = handler._admission._answer_all(group)
    assert told == answers[:times]

"""The last step to a viewer: inline where the server allows it, by a task where it must wait."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable
from typing import Any

import pytest

from headway.stream.asgi import Message, Receive, Send
from headway.stream.http import EventStreamResponse, StreamResponse, _Exchange
from headway.stream.hub import Hub
from headway.stream.notices import CLOSING
from headway.stream.subscription import Subscription
from headway.stream.wire import AsgiWire, Buffer, can_be_driven
from tests.support.patience import PATIENCE


class Server:
    """An ASGI `send` that can be told to wait, as Uvicorn's does for a client that does not read,
    or to fail, as some do once the client has left."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []
        self.ended = False
        self.free = asyncio.Event()
        self.free.set()
        self.broken = False
        self.gone = 0
        self.wire = AsgiWire(self.send, self.leave)

    def leave(self) -> None:
        self.gone += 1

    async def send(self, message: Message) -> None:
        while not self.free.is_set():
            await self.free.wait()
        if self.broken:
            raise OSError("the client has left")
        if message["type"] == "http.response.body":
            self.sent.append(message["body"])
            self.ended = not message["more_body"]


async def forever() -> Message:
    """The `receive` of a client that stays."""
    never: asyncio.Future[Message] = asyncio.get_running_loop().create_future()
    return await never


async def serve(response: EventStreamResponse, receive: Receive, send: Send) -> None:
    """Serves a stream as the handler does once the request is over."""
    exchange = _Exchange(send)
    exchange.stream = response
    await exchange.serve(receive)


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_a_piece_is_sent_without_a_task() -> None:
    server = Server()
    before = asyncio.all_tasks()
    assert server.wire.write(b"one")
    assert server.wire.write(b"two")
    assert server.sent == [b"one", b"two"]
    assert asyncio.all_tasks() == before


async def test_a_client_that_does_not_read_is_waited_for_by_one_task_and_refused_more() -> None:
    server, ready = Server(), asyncio.Event()
    server.wire.ready = ready.set
    before = len(asyncio.all_tasks())
    server.free.clear()
    assert server.wire.write(b"one")
    assert not server.wire.write(b"two")
    assert len(asyncio.all_tasks()) == before + 1
    await settle()
    server.free.set()
    await asyncio.wait_for(ready.wait(), PATIENCE)
    assert server.sent == [b"one"]
    assert server.wire.write(b"three")
    assert server.gone == 0


async def test_a_connection_that_breaks_is_noticed_inline_and_in_the_task() -> None:
    inline, waiting = Server(), Server()
    inline.broken = waiting.broken = True
    assert inline.wire.write(b"one")
    assert inline.gone == 1
    waiting.free.clear()
    assert waiting.wire.write(b"one")
    waiting.free.set()
    await settle()
    assert waiting.gone == 1


async def test_the_end_is_sent_after_what_waits() -> None:
    server = Server()
    server.free.clear()
    server.wire.write(b"one")
    server.wire.close()
    assert not server.ended
    server.free.set()
    await settle()
    assert (server.sent, server.ended, server.gone) == ([b"one", b""], True, 1)


async def test_an_end_that_has_to_wait_is_waited_for() -> None:
    server = Server()
    server.free.clear()
    server.wire.close()
    assert server.gone == 0
    server.free.set()
    await settle()
    assert (server.ended, server.gone) == (True, 1)


async def test_the_end_is_at_once_when_nothing_waits() -> None:
    server = Server()
    server.wire.close()
    assert (server.ended, server.gone) == (True, 1)


async def test_who_is_given_up_is_not_waited_for() -> None:
    server = Server()
    server.wire.abandon()
    server.free.clear()
    server.wire.write(b"one")
    server.wire.abandon()
    await settle()
    assert (server.sent, server.gone) == ([], 1)


async def test_a_buffer_gives_what_it_holds_in_one_piece_and_says_when_it_has_room() -> None:
    buffer, ready = Buffer(room=5), asyncio.Event()
    buffer.ready = ready.set
    assert buffer.write(b"one")
    assert not buffer.write(b"two")
    assert await buffer.take() == b"one"
    assert ready.is_set()
    assert buffer.write(b"larger than the room")
    assert not buffer.unread()
    buffer.part()
    buffer.reset()
    buffer.close()
    assert await buffer.take() == b"larger than the room"
    assert await buffer.take() == b""


async def test_a_buffer_that_nobody_waits_for_tells_nobody() -> None:
    buffer = Buffer(room=1)
    assert buffer.write(b"one")
    assert not buffer.write(b"two")
    assert await buffer.take() == b"one"


async def test_a_buffer_waits_for_a_piece() -> None:
    buffer = Buffer(room=5)
    taking = asyncio.ensure_future(buffer.take())
    await settle()
    buffer.write(b"one")
    assert await taking == b"one"


class Granian(Server):
    """A server whose `send` returns an awaitable that is no coroutine."""

    def plain(self, message: Message) -> Awaitable[None]:
        return asyncio.ensure_future(self.send(message))


async def nobody(jobs: Any, *_: Any) -> Any:
    del jobs
    return {}


@pytest.fixture
async def response(valkey: Any) -> AsyncIterator[EventStreamResponse]:
    hub = Hub(valkey.url, nobody, nobody)
    yield EventStreamResponse(lambda: hub, Subscription(["job"], ends=True))
    await hub.close()


async def test_a_send_that_is_no_coroutine_is_served_by_a_generator(
    response: EventStreamResponse,
) -> None:
    server = Granian()
    sending = server.plain({"type": "http.response.start"})
    assert not can_be_driven(sending)
    await sending
    await asyncio.wait_for(serve(response, forever, server.plain), PATIENCE)
    assert server.sent[-2].endswith(b"event: done\ndata: [DONE]\n\n")
    assert server.ended


@pytest.mark.parametrize("lane", ["send", "plain"])
async def test_a_client_that_leaves_ends_its_stream(
    response: EventStreamResponse, lane: str
) -> None:
    response.reader.ends = False
    server, left = Granian(), asyncio.Event()

    messages = iter(["http.request", "http.disconnect"])

    async def receive() -> Message:
        await left.wait()
        return {"type": next(messages)}

    serving = asyncio.ensure_future(serve(response, receive, getattr(server, lane)))
    async with asyncio.timeout(PATIENCE):
        while not server.sent:  # noqa: ASYNC110 - the server of this test tells nobody
            await asyncio.sleep(0.005)
    assert response.hub().readers
    left.set()
    await asyncio.wait_for(serving, PATIENCE)
    assert not response.hub().readers


async def test_a_server_that_cancels_a_stream_is_obeyed(response: EventStreamResponse) -> None:
    response.reader.ends = False
    server = Server()
    serving = asyncio.ensure_future(serve(response, forever, server.send))
    async with asyncio.timeout(PATIENCE):
        while not server.sent:  # noqa: ASYNC110 - as above
            await asyncio.sleep(0.005)
    serving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await serving
    assert not response.hub().readers


@pytest.mark.parametrize("cancelled", [True, False], ids=["as by Daphne", "by itself"])
async def test_a_stream_that_is_not_the_hubs_ends_with_its_server_too(
    hub: Hub, cancelled: bool
) -> None:
    async def answer() -> AsyncGenerator[bytes, None]:
        yield b"one"
        await asyncio.Event().wait()

    server = Server()
    waiting = _Exchange(server.send)
    waiting.stream = StreamResponse(answer(), lambda: hub, b"cut")
    serving = asyncio.ensure_future(waiting.serve(forever))
    async with asyncio.timeout(PATIENCE):
        while not server.sent:  # noqa: ASYNC110 - as above
            await asyncio.sleep(0.005)
    closing = hub.close()
    if cancelled:
        serving.cancel()
    await closing
    await asyncio.wait_for(serving, PATIENCE)
    assert server.sent[0] == b"one"
    assert server.sent[-1].startswith(CLOSING)
    assert (server.sent[-1].endswith(b"cut"), server.ended) == (True, True)


async def test_a_stream_over_a_limit_is_ended_by_the_hub(valkey: Any) -> None:
    hub = Hub(valkey.url, nobody, nobody)
    hub._accounts._held["alice"] = 10**6
    server = Server()
    response = EventStreamResponse(lambda: hub, Subscription(["job"], holder="alice"))

    await asyncio.wait_for(serve(response, forever, server.send), PATIENCE)
    assert b"event: busy" in server.sent[0]
    assert server.ended
    await hub.close()

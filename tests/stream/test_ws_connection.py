"""One WebSocket with many streams, driven in this process on a real Valkey."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest

from headway.stream import Hub, Log, Subscription, sse
from headway.stream.subscription import Phase
from headway.stream.websocket import (
    BROKEN,
    LATER,
    MAX_MESSAGE,
    MAX_WAITING,
    RETURN,
    SIGN_IN,
    TOO_EAGER,
    TOO_LARGE,
    Socket,
)
from tests.stream.conftest import state
from tests.stream.far_end import Connected
from tests.stream.streams import MakeHub, say, until
from tests.support.patience import PATIENCE


@pytest.fixture
def job(log: Log, job: str) -> str:
    """A job that has been created."""
    log.append(job, state(job, "queued", 0), attempt=0, created=True)
    return job


@pytest.fixture
async def one(hub: Hub) -> AsyncIterator[Connected]:
    """A connection without any stream yet."""
    connected = Connected(hub)
    await connected.begun()
    yield connected
    connected.serving.cancel()
    await asyncio.gather(connected.serving, return_exceptions=True)


async def test_a_stream_is_carried_under_its_name_until_it_is_done(
    one: Connected, log: Log, job: str
) -> None:
    number = say(log, job, "before")
    one.socket.open("a", Subscription([job], cursor=number - 1, ends=True))
    await until(lambda: "log" in one.far.events)
    assert one.far.told[-1]["data"]["text"] == "before"
    assert (one.far.told[-1]["stream"], one.far.told[-1]["id"]) == ("a", str(number))
    log.append(job, state(job, "succeeded"), attempt=1)
    await until(lambda: "state" in one.far.events)
    reader = Subscription(["nobody's"], ends=True)
    one.socket.open("b", reader)
    await until(lambda: "done" in one.far.events)
    await until(lambda: reader not in one.hub.readers)
    assert not one.socket.end("b")
    assert one.socket.end("a")
    await one.left()
    assert one.far.code is None


async def test_the_connections_own_stream_shows_nothing_but_its_signs_of_life(
    one: Connected,
) -> None:
    assert one.far.told == [{"event": "heartbeat", "data": {"stale": False}}]


async def test_a_stream_takes_the_place_of_the_one_of_its_name(one: Connected, job: str) -> None:
    first, second = Subscription([job]), Subscription([job])
    one.socket.open("a", first)
    one.socket.open("a", second)
    assert {*one.hub.readers} == {one.own, second}
    assert one.socket.end("a")
    assert not one.socket.end("a")
    first.wire.write(sse.DONE)  # as if the hub had not noticed yet
    first.wire.close()
    assert one.far.code is None


async def test_messages_are_answered_in_their_order_one_after_the_other(one: Connected) -> None:
    go_on, at_work = asyncio.Event(), 0

    async def slow(socket: Socket, asked: Mapping[str, Any] | None) -> None:
        nonlocal at_work
        at_work += 1
        assert at_work == 1
        await go_on.wait()
        await socket.say("pong", asked or {}, "a")
        at_work -= 1

    one.answer = slow  # type: ignore[method-assign]  # what it is there for
    one.far.say('{"n":1}')
    one.far.say(b'{"n":2}')
    one.far.say("nonsense")
    await until(lambda: at_work)
    go_on.set()
    await until(lambda: len(one.far.told) == 4)
    assert [each["data"] for each in one.far.told[1:]] == [{"n": 1}, {"n": 2}, {}]
    one.far.say('{"n":4}')
    await until(lambda: len(one.far.told) == 5)
    await one.left()


async def test_who_leaves_is_not_answered_any_more(one: Connected) -> None:
    ended = asyncio.Event()

    async def endless(socket: Socket, asked: Mapping[str, Any] | None) -> None:
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            ended.set()

    one.answer = endless  # type: ignore[method-assign]  # as above
    one.far.say("{}")
    await asyncio.sleep(0)
    await one.left()
    await asyncio.wait_for(ended.wait(), PATIENCE)


@pytest.mark.parametrize(
    ("texts", "code"),
    [(["x" * (MAX_MESSAGE + 1)], TOO_LARGE), (["{}"] * (MAX_WAITING + 2), TOO_EAGER)],
)
async def test_a_client_that_says_too_much_is_closed(
    one: Connected, texts: list[str], code: int
) -> None:
    for text in texts:
        one.far.say(text)
    await asyncio.wait_for(one.serving, PATIENCE)
    assert one.far.code == code
    assert not one.hub.readers


async def test_a_message_that_cannot_be_answered_closes_the_connection(
    one: Connected, caplog: pytest.LogCaptureFixture
) -> None:
    async def broken(socket: Socket, asked: Mapping[str, Any] | None) -> None:
        raise RuntimeError(f"no answer to {asked}")

    one.answer = broken  # type: ignore[method-assign]  # as above
    one.far.say("{}")
    await asyncio.wait_for(one.serving, PATIENCE)
    assert one.far.code == BROKEN
    assert "no answer to {}" in caplog.text


async def test_a_client_that_does_not_read_is_waited_for_and_gets_the_rest(
    one: Connected, log: Log, job: str
) -> None:
    await _stop_reading(one, log, job)
    answering = asyncio.ensure_future(one.socket.say("pong", {}))
    say(log, job, "two")
    await until(lambda: one.socket._refused)
    assert not answering.done()
    one.far.reads.set()
    await asyncio.wait_for(answering, PATIENCE)
    await until(lambda: [e["data"]["text"] for e in one.far.told if e.get("event") == "log"][1:])
    texts = [each["data"]["text"] for each in one.far.told if each.get("event") == "log"]
    assert texts == ["one", "two"]
    await one.left()


async def _open(one: Connected, name: str, job: str) -> Subscription:
    """A stream that is live."""
    reader = Subscription([job])
    one.socket.open(name, reader)
    await until(lambda: reader.phase is Phase.LIVE)
    return reader


async def _stop_reading(one: Connected, log: Log, job: str) -> None:
    """Opens a stream whose client then reads no more, with one line under way."""
    await _open(one, "a", job)
    one.far.reads.clear()
    say(log, job, "one")
    await asyncio.wait_for(_refused(one.socket), PATIENCE)


async def _refused(socket: Socket) -> None:
    """Until a message would have to wait."""
    await until(lambda: socket._wire._waiting)


async def test_who_leaves_without_having_read_is_forgotten(
    one: Connected, log: Log, job: str
) -> None:
    await _stop_reading(one, log, job)
    await one.left()
    await until(lambda: not one.socket._wire._waiting)


async def test_who_never_reads_is_given_up(make_hub: MakeHub, log: Log, job: str) -> None:
    one = Connected(make_hub(unread=0.3))
    await one.begun()
    reader = await _open(one, "a", job)
    one.far.reads.clear()
    say(log, job, "one")
    await asyncio.wait_for(_refused(one.socket), PATIENCE)
    one.hub._end(reader, sse.AUTH)
    await asyncio.wait_for(one.serving, PATIENCE)
    assert not one.hub.readers


async def test_a_connection_ends_when_all_streams_together_have_carried_enough(
    make_hub: MakeHub, log: Log, job: str
) -> None:
    one = Connected(make_hub(max_bytes=2000))
    socket = await one.begun()
    for name in ("a", "b"):
        await _open(one, name, job)
    for _ in range(8):
        say(log, job, "x" * 100)
    await asyncio.wait_for(one.serving, PATIENCE)
    assert one.far.code == RETURN
    assert socket.write([], "a")  # nobody will miss it
    socket.close(BROKEN)
    assert one.far.code == RETURN


async def test_a_stream_that_ends_by_age_ends_the_connection(one: Connected, job: str) -> None:
    reader = Subscription([job])
    one.socket.open("a", reader)
    one.hub._end(reader, sse.encode(retry=100))
    await asyncio.wait_for(one.serving, PATIENCE)
    assert one.far.code == RETURN


async def test_a_withdrawn_right_ends_a_stream_or_the_connection(one: Connected, job: str) -> None:
    reader = Subscription([job])
    one.socket.open("a", reader)
    one.hub._end(reader, sse.AUTH)
    await until(lambda: "auth" in one.far.events)
    assert one.far.code is None
    one.hub._end(one.own, sse.AUTH)
    await asyncio.wait_for(one.serving, PATIENCE)
    assert one.far.code == SIGN_IN


async def test_a_connection_over_a_limit_is_told_to_come_later(make_hub: MakeHub, job: str) -> None:
    hub = make_hub(max_streams=1)
    one = Connected(hub)
    socket = await one.begun()
    socket.open("a", Subscription([job]))
    assert one.far.events[-1] == "busy"
    assert one.far.code is None  # only this stream is one too many
    other = Connected(hub)
    await asyncio.wait_for(other.serving, PATIENCE)
    assert (other.far.events, other.far.code) == (["busy"], LATER)
    await one.left()


async def test_a_server_that_ends_tells_its_clients_to_return(one: Connected) -> None:
    one.serving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await one.serving
    assert one.far.code == RETURN
    assert not one.hub.readers


async def test_a_connection_that_breaks_is_over(one: Connected, log: Log, job: str) -> None:
    await _open(one, "a", job)
    one.far.broken = True
    say(log, job, "one")
    await asyncio.wait_for(one.serving, PATIENCE)
    assert not one.hub.readers

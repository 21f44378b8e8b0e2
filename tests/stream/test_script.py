"""Calls of a script over a connection's own socket: what comes back, and what does not."""

from typing import Any

import pytest
import redis

from headway.stream.script import Packed, Script, pack
from tests.support.stack import Valkey

ECHO = "return {#ARGV[1], ARGV[1]}"


def call(text: str) -> Packed:
    return pack(0, text)


def script(client: "redis.Redis") -> Script:
    """It begins with a server that does not know it."""
    client.script_flush()
    return Script(client, ECHO)


def only(ran: Script) -> Any:
    """The connection that is not in use."""
    [line] = ran._idle
    return line._connection


def test_replies_larger_than_a_read_come_whole_and_in_order(valkey: Valkey) -> None:
    texts = [str(number) * 10_000 for number in range(64)]
    with valkey.client() as client:
        found = script(client)([call(text) for text in texts])
    assert found == [[len(text), text.encode()] for text in texts]


def test_a_connection_that_redis_has_closed_is_made_anew(valkey: Valkey) -> None:
    once_more = redis.retry.Retry(redis.backoff.NoBackoff(), 1)
    with redis.Redis.from_url(valkey.url, retry=once_more) as client:
        ran = script(client)
        ran([call("a")])
        connection = only(ran)
        connection.send_command("CLIENT", "ID")
        client.client_kill_filter(_id=str(connection.read_response()))
        assert ran([call("b")], atomic=True) == [[1, b"b"]]
        assert only(ran) is connection


def test_of_several_calls_the_first_that_fails_is_raised_and_the_next_ones_are_heard(
    valkey: Valkey,
) -> None:
    with valkey.client() as client:
        ran = Script(client, "return redis.call('INCR', ARGV[1])")
        client.set("text", "no number")
        with pytest.raises(redis.ResponseError, match="not an integer"):
            ran([call("count"), call("text"), call("count")])
        assert ran([call("count")]) == [3]


def test_what_nobody_has_asked_for_is_no_reply(valkey: Valkey) -> None:
    """Such as what a server of Redis' makers tells RESP3 clients of its maintenance."""
    with redis.Redis.from_url(valkey.url, protocol=3) as client:
        ran = script(client)
        ran([call("a")])
        connection = only(ran)
        connection.send_command("CLIENT", "TRACKING", "ON", "BCAST")
        connection.read_response()
        client.set("changed", 1)
        assert ran([call("b"), call("cd")]) == [[1, b"b"], [2, b"cd"]]

"""Who gets a WebSocket, for how long, and how it ends."""

import signal
import time
from contextlib import ExitStack

import httpx
import pytest
from django.contrib.auth.models import User
from websockets.exceptions import InvalidStatus

from headway.models import ApiToken, Job, Status
from headway.stream.websocket import LATER, RETURN, SIGN_IN
from headway.web import tokens
from tests.support.processes import wait_until
from tests.support.servers import Hypercorn, Uvicorn
from tests.support.stack import Valkey, Web
from tests.support.users import session_of
from tests.ws.client import Client

CLOSED = 15
"""Seconds in which the server hangs up; after 20 this client would by itself."""


def test_nobody_and_bad_tokens_are_let_in_and_told_to_sign_in(
    web: Web, transactional_db: None
) -> None:
    del transactional_db
    for bearer in ("", "pt_1_wrong", "nonsense"):
        with Client(web.url, bearer=bearer) as client:
            assert client.rest() == ([], SIGN_IN)


def test_who_is_signed_out_meanwhile_can_ask_for_nothing_more(
    client: Client, alice: User, job: Job
) -> None:
    assert client.ask("ping")["event"] == "pong"
    tokens.revoke(ApiToken.objects.get(owner=alice))
    client.send("cancel", job=str(job.pk))
    begun = time.monotonic()
    assert client.rest() == ([], SIGN_IN)
    assert time.monotonic() - begun < CLOSED
    job.refresh_from_db()
    assert job.status == Status.QUEUED


def test_who_is_signed_out_meanwhile_hears_nothing_more(
    client: Client, alice: User, job: Job
) -> None:
    client.send("subscribe", jobs=[str(job.pk)])
    client.until("progress")
    tokens.revoke(ApiToken.objects.get(owner=alice))
    told, code = client.rest()
    assert ({each["event"] for each in told}, code) == ({"auth"}, SIGN_IN)


def test_a_connection_shows_life_and_ends_by_age_for_its_client_to_come_back(
    valkey: Valkey, token: str, job: Job
) -> None:
    del valkey
    own = Web(STREAM_MAX_AGE="3", STREAM_KEEPALIVE="1")
    own.start()
    with ExitStack() as stack, Client(own.url, bearer=token) as client:
        stack.callback(own.kill)
        client.send("subscribe", jobs=[str(job.pk)])
        assert client.rest()[1] == RETURN
        assert client.beats > 1


def test_a_page_of_another_site_gets_no_connection_with_this_ones_cookies(
    web: Web, transactional_db: None, alice: User
) -> None:
    del transactional_db
    cookie = session_of(alice)
    for good in (web.url, "https://friend.example"):
        with Client(web.url, cookie=cookie, origin=good) as own:
            assert own.ask("ping")["event"] == "pong"
    other = web.url.replace("127.0.0.1", "localhost")
    for origin in ("https://evil.example", other, "null", f"{web.url}.evil.example"):
        with pytest.raises(InvalidStatus) as refused, Client(web.url, cookie=cookie, origin=origin):
            pass
        assert refused.value.response.status_code in (400, 403)


def test_other_addresses_and_hosts_have_no_websocket(web: Web, token: str) -> None:
    for wrong in (f"{web.url}/nowhere", f"{web.url}/jobs/events"):
        with pytest.raises(InvalidStatus), Client(wrong, bearer=token):
            pass


def test_without_a_handshake_the_address_says_what_it_speaks(web: Web, token: str) -> None:
    headers = {"Authorization": f"Bearer {token}"}
    answer = httpx.get(f"{web.url}/ws/jobs/", headers=headers)
    assert (answer.status_code, answer.headers["upgrade"]) == (426, "websocket")


def test_connections_and_their_streams_count_against_the_limit_of_their_user(
    web: Web, token: str, bobs: Client, job: Job
) -> None:
    with ExitStack() as stack:
        held = [stack.enter_context(Client(web.url, bearer=token)) for _ in range(7)]
        for client in held:
            assert client.ask("ping")["event"] == "pong"
        held[0].send("subscribe", jobs=[str(job.pk)])
        held[0].until("snapshot")
        held[1].send("subscribe", jobs=[str(job.pk)])
        *_, busy = held[1].until("busy")
        assert busy["retry"] == busy["data"]["retry"] >= 20_000
        assert held[1].ask("ping")["event"] == "pong"
        with Client(web.url, bearer=token) as one_too_many:
            begun = time.monotonic()
            [busy], code = one_too_many.rest()
            assert (busy["event"], code) == ("busy", LATER)
            assert time.monotonic() - begun < CLOSED
        assert bobs.ask("ping")["event"] == "pong"

    def has_room() -> bool:
        with Client(web.url, bearer=token) as later:
            later.connection.send('{"type": "ping"}')
            return later.rest("pong")[1] == 0

    wait_until(has_room)


@pytest.mark.parametrize("kind", [Web, Uvicorn, Hypercorn])
def test_a_server_that_ends_closes_its_connections_at_once(
    kind: type[Web], valkey: Valkey, token: str, job: Job
) -> None:
    del valkey
    own = kind()
    own.start()
    with ExitStack() as stack, Client(own.url, bearer=token) as client:
        stack.callback(own.kill)
        client.send("subscribe", jobs=[str(job.pk)])
        client.until("snapshot")
        own.signal(signal.SIGTERM)
        begun = time.monotonic()
        assert client.rest()[1] in (None, RETURN, 1012, 1001)
        assert own.stop() in (0, -signal.SIGTERM)
        assert time.monotonic() - begun < 5


def test_who_leaves_is_forgotten(client: Client, job: Job, valkey: Valkey) -> None:
    channel = "{p}:live:" + str(job.pk)
    client.send("subscribe", jobs=[str(job.pk)])
    client.until("snapshot")
    with valkey.client() as redis:
        assert dict(redis.pubsub_numsub(channel))[channel.encode()] == 1
        client.connection.close()
        wait_until(lambda: not dict(redis.pubsub_numsub(channel))[channel.encode()])

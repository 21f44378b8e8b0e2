"""What may be asked for over a WebSocket, by whom, and what is refused."""

import json
import signal
import time
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, suppress

import httpx
import pytest
from django.contrib.auth.models import User
from hypothesis import strategies as st
from websockets.exceptions import ConnectionClosed, InvalidStatus

from headway.models import ApiToken, Job, Scope, Status
from headway.stream.event import VERSION
from headway.stream.websocket import (
    LATER,
    MAX_MESSAGE,
    MAX_WAITING,
    RETURN,
    SIGN_IN,
    TOO_EAGER,
    TOO_LARGE,
)
from headway.web import tokens
from headway.web.websocket import MAX_NAME_LENGTH, MAX_SUBSCRIBED, NO_SUCH_JOB, TOO_NARROW
from tests.support.processes import wait_until
from tests.support.servers import Hypercorn, Uvicorn
from tests.support.stack import Valkey, Web
from tests.support.thorough import Fuzz, Many
from tests.support.users import session_of
from tests.ws.client import Client, Message
from tests.ws.conftest import make_job

NONSENSE: list[str | bytes] = [
    "",
    "nonsense",
    "[]",
    "null",
    "{",
    "[" * 50_000,
    "1" * 5000,
    '{"type": 1}',
    '{"type": ["subscribe"]}',
    '{"type": "shout"}',
    '{"type": "subscribe", "jobs": "all"}',
    '{"type": "subscribe", "jobs": []}',
    '{"type": "subscribe", "jobs": {}}',
    '{"type": "subscribe", "jobs": [null, 1, {}, [], "\\ud800", "\\u0000"]}',
    '{"type": "subscribe", "cursor": [1]}',
    '{"type": "subscribe", "stream": 1}',
    json.dumps({"type": "subscribe", "stream": "x" * (MAX_NAME_LENGTH + 1)}),
    '{"type": "unsubscribe", "stream": "nobody\'s"}',
    '{"type": "cancel"}',
    '{"type": "cancel", "job": ["x"]}',
    b"\xff\xfe",
    b"",
]
CLOSED = 15
"""Seconds in which the server hangs up; after 20 this client would by itself."""
OURS = (LATER, RETURN, SIGN_IN, TOO_EAGER, TOO_LARGE)
SENT: st.SearchStrategy[str | bytes] = (
    st.sampled_from(NONSENSE) | st.text(st.characters(exclude_categories=["Cs"])) | st.binary()
)


@pytest.fixture(scope="module", params=[Web, Uvicorn])
def server(request: pytest.FixtureRequest) -> type[Web]:
    found: type[Web] = request.param
    return found


@pytest.fixture
def bobs(web: Web, transactional_db: None, bob: User) -> Iterator[Client]:
    """Bob's connection."""
    del transactional_db
    with Client(web.url, bearer=tokens.issue(bob)[1]) as connected:
        yield connected


def refusal(answer: Message) -> tuple[str | None, str, list[str]]:
    assert answer["event"] == "refused"
    data = answer["data"]
    return data["type"], data["message"], data["jobs"]


def test_a_queued_job_is_cancelled_and_that_comes_over_the_stream(
    client: Client, job: Job, alice: User
) -> None:
    client.send("subscribe", jobs=[str(job.pk)])
    client.until("snapshot")
    client.send("cancel", job=str(job.pk))
    told = [client.take()]  # the answer comes at any place among them
    while not {"accepted", "done"} <= {each.get("event") for each in told}:
        told.append(client.take())
    [accepted] = [each for each in told if each.get("event") == "accepted"]
    assert accepted["data"] == {"type": "cancel", "job": str(job.pk), "status": "cancelled"}
    assert [each["data"]["status"] for each in told if each.get("event") == "state"] == [
        "cancelled"
    ]
    job.refresh_from_db()
    assert (job.status, job.reason) == (Status.CANCELLED, f"Cancelled by {alice}")


def test_what_cannot_be_cancelled_is_refused_with_a_sentence(client: Client, job: Job) -> None:
    client.ask("cancel", job=str(job.pk))
    again = refusal(client.ask("cancel", job=str(job.pk)))
    assert again == ("cancel", "A job that is cancelled cannot be cancelled.", [str(job.pk)])


def test_a_token_that_may_only_read_follows_and_cancels_nothing(
    web: Web, alice: User, job: Job
) -> None:
    with Client(web.url, bearer=tokens.issue(alice, scope=Scope.START)[1]) as client:
        client.send("subscribe", jobs=[str(job.pk)])
        client.until("snapshot")
        client.send("cancel", job=str(job.pk))
        *_, refused = client.until("refused")
    assert refusal(refused) == ("cancel", TOO_NARROW, [str(job.pk)])
    job.refresh_from_db()
    assert job.status == Status.QUEUED


def test_for_bob_alices_jobs_are_as_those_that_do_not_exist(bobs: Client, job: Job) -> None:
    for name in (str(job.pk), str(uuid.uuid4())):
        for kind, fields in (("subscribe", {"jobs": [name]}), ("cancel", {"job": name})):
            assert refusal(bobs.ask(kind, **fields)) == (kind, NO_SUCH_JOB, [name])
    job.refresh_from_db()
    assert job.status == Status.QUEUED
    bobs.send("subscribe")  # all of his, which are none
    assert bobs.until("subscribed")
    make_job(job.owner) if job.owner else None
    assert {*bobs.take()} == {"stream", "id", "retry"}
    assert bobs.ask("ping").get("event") in (None, "pong")


def test_the_good_jobs_among_bad_ones_are_followed(client: Client, bob: User, job: Job) -> None:
    bad = [str(uuid.uuid4()), str(make_job(bob).pk), "nonsense"]
    client.send("subscribe", jobs=[*bad, str(job.pk)])
    assert refusal(client.take()) == ("subscribe", NO_SUCH_JOB, bad)
    assert client.until("snapshot")[-1]["data"]["job"] == str(job.pk)


def test_staff_follow_and_cancel_everybodys_jobs(
    web: Web, transactional_db: None, boss: User, job: Job
) -> None:
    del transactional_db
    with Client(web.url, cookie=session_of(boss)) as client:
        client.send("subscribe", jobs=[str(job.pk)])
        client.until("snapshot")
        client.send("cancel", job=str(job.pk))
        client.until("done")


def test_a_thousand_jobs_are_followed_and_more_are_refused(
    client: Client, alice: User, web: Web, many: Many
) -> None:
    """How many is no matter of the server: on both with `--thorough`."""
    if isinstance(web, Uvicorn) and not many(0, thorough=1):
        pytest.skip("on both servers with --thorough")
    made = Job.objects.bulk_create(
        Job(kind="simulate", title="Simulate", owner=alice) for _ in range(MAX_SUBSCRIBED)
    )
    names = [str(job.pk) for job in made]
    client.send("subscribe", jobs=names)
    client.until("subscribed")
    client.take()
    shown = [(client.take(), client.take()) for _ in names]
    assert {each["data"]["job"] for each, _ in shown} == {*names}
    assert {(each["event"], begun["event"]) for each, begun in shown} == {("snapshot", "progress")}
    client.connection.send(json.dumps({"type": "subscribe", "jobs": [*names, "one more"]}))
    assert "a list of 1 to 1000 ids" in refusal(client.take())[1]


def test_what_makes_no_sense_is_refused_and_the_connection_stays_open(client: Client) -> None:
    for text in NONSENSE:
        client.connection.send(text)
        kind, message, _ = refusal(client.take())
        assert message.endswith("."), text
        assert kind is None or f'"{kind}"' in str(text)
    assert client.ask("ping")["event"] == "pong"


def test_whatever_is_sent_the_connection_answers_or_is_closed_with_a_code(
    web: Web, token: str, job: Job, fuzz: Fuzz
) -> None:
    pieces = SENT | st.fixed_dictionaries(
        {"type": st.sampled_from(["subscribe", "unsubscribe", "cancel", "ping", "x"])},
        optional={
            "jobs": st.lists(st.just(str(job.pk)) | st.text(), max_size=3) | st.none(),
            "job": st.text(),
            "cursor": st.integers() | st.text(),
            "stream": st.text(max_size=MAX_NAME_LENGTH + 1),
        },
    ).map(json.dumps)

    def check(messages: list[str | bytes], raw: bytes) -> None:
        """Raw bytes may be the begin of a frame, of which the server waits for the rest."""
        with (
            Client(web.url, bearer=token, close_timeout=0.1) as client,
            suppress(ConnectionClosed),
        ):
            for message in messages:
                client.connection.send(message)
            if raw:
                client.connection.socket.sendall(raw)
                return
            client.connection.send('{"type": "ping"}')
            while client.take().get("event") != "pong":
                pass
        assert client.connection.close_code in (None, 1000, 1002, 1006, 1007, 1009, *OURS)

    raw = st.just(b"") | st.binary(min_size=1, max_size=200)
    fuzz(check, st.lists(pieces, max_size=5), raw, usual=10, thorough=300)
    with Client(web.url, bearer=token) as again:
        assert again.ask("ping")["event"] == "pong"
        shaken = again.connection.response
        if shaken and isinstance(web, Uvicorn):  # Daphne has no way to add a header there
            assert shaken.headers["Progress-Version"] == str(VERSION)
    assert "Traceback" not in web.output


def test_a_message_may_come_in_pieces_and_as_bytes(client: Client) -> None:
    client.connection.send(['{"type"', ': "ping"}'])
    assert client.take()["event"] == "pong"
    client.connection.send(b'{"type": "ping"}')
    assert client.take()["event"] == "pong"


def test_a_message_that_is_too_large_closes_the_connection(client: Client) -> None:
    client.connection.send(json.dumps({"type": "ping", "more": "x" * MAX_MESSAGE}))
    assert client.rest()[1] in (TOO_LARGE, 1009, None)


def test_who_sends_faster_than_is_answered_is_cut_off(client: Client) -> None:
    try:
        for _ in range(MAX_WAITING * 100):
            client.connection.send('{"type": "ping"}')
    except ConnectionClosed:
        pass
    answered, code = client.rest()
    # A server that reads no more than is taken from it makes the client wait instead.
    assert code in (TOO_EAGER, None) or len(answered) == MAX_WAITING * 100


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

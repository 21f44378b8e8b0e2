"""A WebSocket carries the streams of HTTP, whole."""

import json

import httpx
import pytest
from django.contrib.auth.models import User

from headway.lifecycle import lease
from headway.lifecycle.log import log
from headway.lifecycle.traces import Traces
from headway.models import Job, Status
from headway.stream import Event
from headway.stream.websocket import RETURN
from tests.support.protocol import follow
from tests.support.proxy import Proxy
from tests.support.servers import Hypercorn, Uvicorn
from tests.support.stack import Web
from tests.ws.client import Client, Message
from tests.ws.conftest import make_job


@pytest.fixture(scope="module", params=[Web, Uvicorn, Hypercorn])
def server(request: pytest.FixtureRequest) -> type[Web]:
    found: type[Web] = request.param
    return found


def say(job: Job, *texts: object) -> None:
    """Lines of the job's log."""
    for text in texts:
        log().append(str(job.pk), line(job, str(text)), attempt=job.attempt)


def line(job: Job, text: str) -> Event:
    return Event("log", {"job": str(job.pk), "attempt": 1, "text": text})


def finish(job: Job) -> None:
    attempt = lease.claim(job.pk, "a test")
    assert attempt is not None
    lease.settle(attempt, Status.SUCCEEDED, Traces())


def texts(messages: list[Message]) -> list[str]:
    return [each["data"]["text"] for each in messages if each.get("event") == "log"]


def test_a_job_is_followed_from_its_snapshot_to_done(client: Client, job: Job) -> None:
    assert client.ask("subscribe", jobs=[str(job.pk)])["event"] == "subscribed"
    opening, snapshot, begun = client.take(), client.take(), client.take()
    assert ({*opening}, snapshot["event"]) == ({"stream", "id", "retry"}, "snapshot")
    assert (begun["event"], begun["data"]["status"], "id" in begun) == ("progress", "queued", True)
    say(job, "one")
    finish(job)
    *told, last = client.until("done")
    assert [each["event"] for each in told] == ["log", "state", "progress", "state"]
    assert told[-2]["data"]["percent"] == 100
    assert told[-1]["data"]["status"] == "succeeded"
    assert last == {"stream": "", "event": "done", "data": "[DONE]"}
    assert client.ask("ping")["event"] == "pong"  # the connection is still open


def test_it_carries_the_frames_of_http_and_nothing_else(
    client: Client, web: Web, token: str, job: Job
) -> None:
    say(job, *range(30))
    finish(job)
    client.send("subscribe", jobs=[str(job.pk)], cursor=0)
    frames = client.until("done")[2:]
    with httpx.Client(base_url=web.url, headers={"Authorization": f"Bearer {token}"}) as http:
        same = follow(http, f"/jobs/{job.pk}/events/", "done", cursor="0")
    assert [(each.get("id"), each["event"], each["data"]) for each in frames[:-1]] == [
        (each.id, each.event, json.loads(each.data)) for each in same[:-1]
    ]


def test_who_is_cut_off_goes_on_from_its_cursor_without_a_gap_or_a_duplicate(
    proxy: Proxy, token: str, job: Job
) -> None:
    say(job, "before")
    got: list[Message] = []
    with Client(proxy.url, bearer=token) as first:
        first.send("subscribe", jobs=[str(job.pk)], cursor=0)
        got += first.until("log")
        say(job, *range(10))
        proxy.drop(reset=True)
        told, code = first.rest()
    assert code is None
    got += told
    say(job, *range(10, 20))
    with Client(proxy.url, bearer=token) as second:
        second.send("subscribe", jobs=[str(job.pk)], cursor=first.cursor)
        say(job, *range(20, 30))
        finish(job)
        got += second.until("done")
    assert texts(got) == ["before", *map(str, range(30))]
    ids = [int(each["id"]) for each in got if "id" in each and "event" in each]
    assert ids == sorted({*ids})


def test_several_streams_share_one_connection(client: Client, alice: User, job: Job) -> None:
    other = make_job(alice)
    client.send("subscribe", stream="all")
    client.until("progress")
    client.until("progress")  # of the other job
    client.send("subscribe", stream="one", jobs=[str(job.pk)])
    client.until("progress")
    say(other, "only in all")
    say(job, "in both")
    heard = [client.take(), client.take(), client.take()]
    assert sorted((each["stream"], each["data"]["text"]) for each in heard) == [
        ("all", "in both"),
        ("all", "only in all"),
        ("one", "in both"),
    ]
    assert client.ask("unsubscribe", stream="all")["event"] == "unsubscribed"
    new = make_job(alice)
    say(new, "nobody hears it")
    say(job, "in one")
    assert client.take() | {"id": ""} == {
        "stream": "one",
        "id": "",
        "event": "log",
        "data": {"job": str(job.pk), "attempt": 1, "text": "in one"},
    }


def test_all_my_jobs_include_those_that_are_started_later(client: Client, alice: User) -> None:
    client.send("subscribe", stream="mine")
    client.until("subscribed")
    client.take()
    new = make_job(alice)
    while (told := client.take()).get("event") not in ("state", "snapshot"):
        pass
    assert told["data"]["job"] == str(new.pk)


def test_subscribing_again_under_a_name_begins_that_stream_anew(
    client: Client, alice: User, job: Job
) -> None:
    other = make_job(alice)
    client.send("subscribe", jobs=[str(job.pk)])
    client.until("progress")
    client.send("subscribe", jobs=[str(job.pk), str(other.pk)])
    names = {client.until("progress")[-1]["data"]["job"] for _ in range(2)}
    assert names == {str(job.pk), str(other.pk)}
    say(job, "once")
    say(other, "and again")
    assert texts([client.take(), client.take()]) == ["once", "and again"]


def test_a_cursor_that_is_none_of_ours_is_told_so(client: Client, job: Job) -> None:
    client.send("subscribe", jobs=[str(job.pk)], cursor="nonsense")
    *_, resync, _ = client.until("snapshot")
    assert (resync["event"], resync["data"]["reason"]) == ("resync", "unknown")


def test_who_never_reads_is_cut_off_after_some_bytes_and_comes_back_to_the_rest(
    web: Web, token: str, job: Job
) -> None:
    wanted = [f"{number} {'x' * 1900}" for number in range(800)]
    seen: list[str] = []
    cursor = "0"
    with Client(web.url, bearer=token, max_queue=1) as asleep:
        asleep.send("subscribe", jobs=[str(job.pk)], cursor=0)
        for start in range(0, 800, 100):
            lines = [
                (seq, line(job, text))
                for seq, text in enumerate(wanted[start : start + 100], start + 1)
            ]
            log().append_all(str(job.pk), lines, attempt=0)
        with Client(web.url, bearer=token) as awake:  # who is served meanwhile
            awake.send("subscribe", jobs=[str(job.pk)])
            awake.until("snapshot")
    finish(job)
    while wanted[-1] not in seen:
        with Client(web.url, bearer=token) as again:
            again.send("subscribe", jobs=[str(job.pk)], cursor=cursor)
            told, code = again.rest(until="done")
            seen += texts(told)
            cursor = again.cursor
        assert code in (RETURN, 0)
    assert seen == wanted

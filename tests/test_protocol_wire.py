"""docs/protocol.md says what comes over the wire, from the first block to the last."""

import json
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import httpx
import pytest
from django.conf import settings
from django.contrib.auth.models import User

from headway.lifecycle import actions, announce, lease
from headway.lifecycle.log import feed, log
from headway.lifecycle.traces import Traces
from headway.models import TERMINAL, Job, Status
from headway.stream import keys
from headway.stream.event import KINDS
from headway.web import tokens
from tests.support.patience import PATIENCE
from tests.support.processes import wait_until
from tests.support.protocol import follow
from tests.support.stack import Valkey, Web, Worker
from tests.support.users import session_of


def cookies(user: User) -> dict[str, str]:
    return {settings.SESSION_COOKIE_NAME: session_of(user)}


@pytest.fixture
def job(transactional_db: None, alice: User, valkey: Valkey) -> Job:
    """A queued job with a log, of which no worker is told."""
    del transactional_db, valkey
    made = Job.objects.create(kind="simulate", title="Simulate", owner=alice)
    announce.created(made)
    return made


@pytest.fixture
def client(web: Web, transactional_db: None, alice: User) -> Iterator[httpx.Client]:
    """Alice's client."""
    del transactional_db
    with httpx.Client(base_url=web.url, cookies=cookies(alice), timeout=PATIENCE) as opened:
        yield opened


def test_a_client_without_a_cursor_gets_a_snapshot_that_carries_one(
    client: httpx.Client, job: Job
) -> None:
    for url, query in (
        (f"/jobs/{job.pk}/events/", {}),
        ("/jobs/events/", {"job": job.pk}),
        ("/jobs/events/", {}),
    ):
        shown, begun = follow(client, url, "progress", **query)
        assert shown.event == "snapshot"
        assert int(begun.id) > 10**15
        assert {json.loads(each.data)["job"] for each in (shown, begun)} == {str(job.pk)}


def test_a_job_that_ended_long_ago_comes_back_into_its_owners_stream_by_a_retry(
    client: httpx.Client, job: Job
) -> None:
    attempt = lease.claim(job.pk, "a test")
    assert attempt is not None
    lease.settle(attempt, Status.FAILED, Traces())
    Job.objects.filter(pk=job.pk).update(finished_at=datetime(2026, 1, 1, tzinfo=UTC))
    cursor = log().read([str(job.pk)]).cursor
    with ThreadPoolExecutor(1) as pool:
        reading = pool.submit(follow, client, "/jobs/events/", "state", cursor=cursor)
        channel = keys.feed(feed(job.owner_id))
        wait_until(lambda: log()._redis.pubsub_numsub(channel)[0][1])
        actions.retry(job)
        told = json.loads(reading.result(20)[-1].data)
    assert (told["job"], told["status"]) == (str(job.pk), "queued")


def test_who_asks_is_told_by_cookie_or_token_and_others_by_a_status(
    client: httpx.Client, job: Job, alice: User, bob: User
) -> None:
    urls = (f"/jobs/{job.pk}/events/", f"/jobs/events/?job={job.pk}")
    _, token = tokens.issue(alice)
    signed = {"Authorization": f"Bearer {token}"}
    with httpx.Client(base_url=client.base_url, headers=signed) as program:
        for url in urls:
            assert follow(program, url, "snapshot")
    for asks, status in (
        ({"cookies": cookies(alice), "headers": {"Authorization": "Bearer pt_1_x"}}, 401),
        ({}, 401),
        ({"cookies": cookies(bob)}, 404),
    ):
        with httpx.Client(base_url=client.base_url, **asks) as other:  # type: ignore[arg-type]  # of two sorts
            assert [other.get(url).status_code for url in urls] == [status, status]
            assert [other.head(url).status_code for url in urls] == [status, status]
    assert [client.post(url).status_code for url in urls] == [405, 405]


@pytest.mark.parametrize("cursor", ["garbage", "9" * 18, "9" * 19, "-1", "1.5", "٣"])
def test_a_cursor_that_is_none_of_ours_is_told_so_on_every_endpoint(
    client: httpx.Client, job: Job, cursor: str
) -> None:
    for url, query in (
        (f"/jobs/{job.pk}/events/", {}),
        ("/jobs/events/", {"job": job.pk}),
        ("/jobs/events/", {}),
    ):
        resync, _ = follow(client, url, "snapshot", cursor=cursor, **query)
        assert json.loads(resync.data)["reason"] == "unknown"


def test_a_cursor_before_a_trimmed_log_is_told_so(
    client: httpx.Client, valkey: Valkey, job: Job
) -> None:
    lease.claim(job.pk, "a test")
    with valkey.client() as redis:
        assert redis.xtrim(keys.log(str(job.pk)), maxlen=1, approximate=False) == 1
    resync, _ = follow(client, f"/jobs/{job.pk}/events/", "snapshot", cursor=5)
    assert json.loads(resync.data)["reason"] == "trimmed"


def test_a_log_that_redis_lost_is_told_with_a_snapshot_from_the_database(
    client: httpx.Client, valkey: Valkey, job: Job
) -> None:
    cursor = log().read([str(job.pk)]).cursor
    valkey.flush()
    resync, current = follow(client, f"/jobs/{job.pk}/events/", "snapshot", cursor=cursor)
    assert json.loads(resync.data)["reason"] == "lost"
    assert json.loads(current.data)["elapsed"] is None


def test_a_stream_lives_by_signs_of_life_is_alone_over_its_limit_and_ends_by_age(
    valkey: Valkey, alice: User, job: Job
) -> None:
    del valkey
    web = Web(STREAM_KEEPALIVE="1", STREAM_MAX_AGE="4", STREAM_MAX_PER_USER="1")
    web.start()
    url = f"/jobs/{job.pk}/events/"
    with httpx.Client(base_url=web.url, cookies=cookies(alice), timeout=PATIENCE) as client:
        for query, sign in (("?heartbeat", b"event: heartbeat"), ("", b": keepalive")):
            with client.stream("GET", url + query) as response:
                pieces = response.iter_bytes()
                assert any(piece.startswith(sign) for piece in pieces)
                [refused] = follow(client, url, "busy")
                assert refused.id == ""
                *_, last = pieces
                assert re.fullmatch(rb": .+\nretry: [0-9]{3,4}\n\n", last)
    web.stop()


@pytest.mark.parametrize("fail_at", [None, 60])
def test_a_real_job_sends_valid_frames_from_its_first_block_to_done(
    worker: Worker, client: httpx.Client, alice: User, fail_at: float | None
) -> None:
    del worker
    params = {"seconds": 1, "steps": 20, "phases": 2, "fail_at": fail_at}
    job = actions.start("simulate", params, owner=alice)
    got = follow(client, f"/jobs/{job.pk}/events/", "done", heartbeat="")
    ids = [int(message.id) for message in got if message.event in KINDS]
    assert ids == sorted(set(ids))
    kinds = [message.event for message in got]
    assert {"state", "progress", "log", "warning"} <= {*kinds}
    assert kinds[-2:] == ["state", "done"]
    last = json.loads(got[-2].data)
    assert last["status"] == ("failed" if fail_at else "succeeded")
    assert last["status"] in TERMINAL
    shown = [json.loads(message.data) for message in got if message.event == "progress"]
    assert [each["percent"] for each in shown].count(100) == (0 if fail_at else 1)
    assert (shown[-1]["percent"], shown[-1]["status"]) == (
        (60, "running") if fail_at else (100, "succeeded")
    )
    assert ("error" in kinds) == bool(fail_at)
    [again] = follow(client, f"/jobs/{job.pk}/events/", "done", cursor=got[-2].id)
    assert again.event == "done"


def test_a_cancelled_job_says_so_in_its_progress_and_its_states(
    worker: Worker, client: httpx.Client, alice: User
) -> None:
    del worker
    job = actions.start("simulate", {"seconds": 30}, owner=alice)
    url = f"/jobs/{job.pk}/events/"
    *_, begun = follow(client, url, "progress")
    actions.cancel(job)
    told = [
        (message.event, json.loads(message.data)["status"])
        for message in follow(client, url, "done", cursor=begun.id)
        if message.event in ("state", "progress")
    ]
    assert ("progress", "cancelling") in told
    assert told[-1] == ("state", "cancelled")
    assert ("state", "cancelling") in told

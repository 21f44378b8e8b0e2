"""What may be asked for over a WebSocket, by whom, and what is refused."""

import json
import uuid

import pytest
from django.contrib.auth.models import User

from headway.models import Job, Scope, Status
from headway.web import tokens
from headway.web.websocket import MAX_SUBSCRIBED, NO_SUCH_JOB, TOO_NARROW
from tests.support.servers import Uvicorn
from tests.support.stack import Web
from tests.support.thorough import Many
from tests.support.users import session_of
from tests.ws.client import Client, refusal
from tests.ws.conftest import make_job


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

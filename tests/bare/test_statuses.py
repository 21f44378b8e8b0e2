"""`<prefix>/status/?job=...&job=...`: where several jobs are, in one answer."""

import uuid

import pytest
from django.contrib.auth.models import User
from django.test import Client

from headway.models import Job
from headway.web.streams import MAX_JOBS

pytestmark = pytest.mark.usefixtures("valkey")


def jobs_of(owner: User, count: int) -> list[Job]:
    return [
        Job.objects.create(kind="simulate", title="Simulate", owner=owner) for _ in range(count)
    ]


@pytest.fixture
def signed_in(client: Client, alice: User) -> Client:
    client.force_login(alice)
    return client


def test_it_has_the_snapshot_of_each_and_is_not_sent_twice(signed_in: Client, alice: User) -> None:
    jobs = jobs_of(alice, 3)
    query = {"job": [str(job.pk) for job in jobs]}
    answer = signed_in.get("/jobs/status/", query)
    assert [snap["job"] for snap in answer.json()["jobs"]] == query["job"]
    assert answer.headers["Progress-Cursor"] == str(answer.json()["cursor"])
    assert answer.headers["Retry-After"] == "1"
    known = {"If-None-Match": answer.headers["ETag"]}
    assert signed_in.get("/jobs/status/", query, headers=known).status_code == 304
    Job.objects.filter(pk=jobs[1].pk).update(status="cancelled")
    assert signed_in.get("/jobs/status/", query, headers=known).status_code == 200


def test_one_that_may_not_be_seen_makes_all_unknown(
    signed_in: Client, alice: User, bob: User
) -> None:
    mine, theirs = *jobs_of(alice, 1), *jobs_of(bob, 1)
    for other in (str(theirs.pk), str(uuid.uuid4()), "nonsense"):
        answer = signed_in.get("/jobs/status/", {"job": [str(mine.pk), other]})
        assert answer.status_code == 404


@pytest.mark.parametrize("count", [0, MAX_JOBS + 1])
def test_too_few_and_too_many_are_told_how_many(signed_in: Client, count: int) -> None:
    answer = signed_in.get("/jobs/status/", {"job": [str(uuid.uuid4()) for _ in range(count)]})
    assert answer.status_code == 404
    assert "Name 1 to 200 jobs" in answer.json()["detail"]


def test_strangers_are_told_to_sign_in(client: Client, db: None) -> None:
    assert client.get("/jobs/status/", {"job": str(uuid.uuid4())}).status_code == 401

"""What Redis has forgotten about how jobs stand is told again, however long ago it was."""

import uuid

import pytest
from django.contrib.auth.models import User

from headway.lifecycle import announce, janitor, lease, snapshots
from headway.lifecycle.log import log
from headway.lifecycle.traces import Traces
from headway.models import Job, Status
from headway.stream import keys
from tests.jobs.rows import ago, changed, queued, running
from tests.support.stack import Valkey

pytestmark = pytest.mark.django_db(transaction=True)


def told(job: Job) -> str:
    """The status that streams and pages without a database would show."""
    return str(log().read([str(job.pk)]).states[str(job.pk)]["status"])


def remember(valkey: Valkey, job: Job) -> dict[str, bytes]:
    with valkey.client() as client:
        names = (keys.log(str(job.pk)), keys.snapshot(str(job.pk)))
        return {name: client.dump(name) for name in names}


def roll_back(valkey: Valkey, values: dict[str, bytes]) -> None:
    """As a restart from an older file does, after which writers note another server."""
    with valkey.client() as client:
        for name, value in values.items():
            client.restore(name, 0, value, replace=True)
        client.set(keys.EPOCH, uuid.uuid4().hex)


def test_the_end_of_a_job_is_told_again_after_redis_went_back_by_minutes(valkey: Valkey) -> None:
    job, attempt = running()
    before = remember(valkey, job)
    lease.settle(attempt, Status.SUCCEEDED, Traces())
    changed(job, finished_at=ago(600))
    janitor.sweep()
    roll_back(valkey, before)
    assert told(job) == "running"
    janitor.sweep()
    assert told(job) == "succeeded"


def test_a_running_job_that_redis_has_as_queued_is_told_to_run(valkey: Valkey, alice: User) -> None:
    job = queued(owner=alice)
    announce.created(job)
    before = remember(valkey, job)
    assert lease.claim(job.pk, "worker@test/1")
    changed(job, started_at=ago(60))
    roll_back(valkey, before)
    assert told(job) == "queued"
    janitor.sweep()
    assert told(job) == "running"
    assert snapshots.live([job.pk])[1][str(job.pk)]["attempt"] == 1


def test_a_job_whose_start_redis_did_not_take_is_told_to_its_owner_when_it_runs(
    valkey: Valkey, alice: User
) -> None:
    job = queued(owner=alice)
    with valkey.client() as client, client.pubsub() as heard:
        heard.subscribe(keys.feed(f"user:{alice.pk}"))
        assert heard.get_message(timeout=5)
        assert lease.claim(job.pk, "worker@test/1")
        told_of = heard.get_message(timeout=5)
    assert told_of
    assert told_of["data"].startswith(str(job.pk).encode())


@pytest.mark.parametrize(
    ("new", "seconds", "tells"),
    [(False, 10, True), (False, 600, False), (True, 600, True), (True, 1000, False)],
)
def test_a_job_of_which_redis_took_nothing_is_told_to_its_owner_when_it_has_ended(
    valkey: Valkey,
    alice: User,
    monkeypatch: pytest.MonkeyPatch,
    new: bool,
    seconds: float,
    tells: bool,
) -> None:
    """One that ended long ago was told of, and lost by Redis with all the rest: nobody wants it
    on an open list again. A new janitor cannot know that, but no list is open for longer than a
    stream."""
    monkeypatch.setattr(janitor, "_compared", None)
    if not new:
        janitor.sweep()
    job, attempt = running(owner=alice)
    lease.settle(attempt, Status.SUCCEEDED, Traces())
    changed(job, finished_at=ago(seconds))
    valkey.flush()
    with valkey.client() as client, client.pubsub() as heard:
        heard.subscribe(keys.feed(f"user:{alice.pk}"))
        assert heard.get_message(timeout=5)
        janitor.sweep()
        told_of = heard.get_message(timeout=1)
    assert bool(told_of) == tells
    assert (str(job.pk) in log().read([str(job.pk)]).states) == tells

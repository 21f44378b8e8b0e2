"""Jobs that stand still: where it is said, and that it ends those whose kind asks for it."""

import time
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.checks import run_checks
from django.test import Client

from headway import job_task
from headway.kinds import registry
from headway.lifecycle import actions, census, snapshots
from headway.lifecycle.log import log
from headway.models import Job, Status
from headway.stream import Event
from tests.jobs.conftest import TaskWorker
from tests.jobs.waiting import ended, until_status
from tests.support.processes import wait_until
from tests.support.stack import Valkey

pytestmark = pytest.mark.django_db(transaction=True)
WHY = "No progress for 2 s, so it was stopped"


@pytest.fixture
def job(valkey: Valkey, alice: User, settings: Any) -> Job:
    """A running job of Alice's, which stalls after half a second."""
    valkey.flush()
    settings.HEADWAY = settings.HEADWAY | {"JOB_STALLED_AFTER": 3}
    job = Job.objects.create(
        kind="simulate", title="Simulate", owner=alice, status=Status.RUNNING, attempt=1
    )
    log().append(str(job.pk), Event("state", snapshots.state(job)), attempt=1, created=True)
    return job


def seen(client: Client, job: Job) -> dict[str, bool]:
    """Whether each place says that the job has stalled."""
    pages = ["/", job.get_absolute_url(), f"/jobs/{job.pk}/row/?view=bar"]
    admin = ["/admin/headway/job/", f"/admin/headway/job/{job.pk}/change/"]
    told = {path: "No progress for" in client.get(path).text for path in pages + admin}
    return told | {"status": client.get(f"/jobs/{job.pk}/status/").json()["stalled"]}


def test_it_is_said_everywhere_and_comes_and_goes_by_itself(job: Job, alice: User) -> None:
    User.objects.filter(pk=alice.pk).update(is_staff=True, is_superuser=True)
    client = Client()
    client.force_login(alice)

    def says(kind: str) -> None:
        about = {"job": str(job.pk), "attempt": 1, "status": "running", "text": "x"}
        log().append(str(job.pk), Event(kind, about), attempt=1)

    def is_seen_to_move() -> bool:
        """A busy machine may take longer for all pages than after which a job counts as stalled."""
        says("progress")
        return set(seen(client, job).values()) == {False}

    wait_until(is_seen_to_move)
    for kind in ("progress", "log", "output"):
        wait_until(lambda: set(seen(client, job).values()) == {True})
        says(kind)
        assert snapshots.snapshot(job, snapshots.live([job])[1][str(job.pk)])["stalled"] is False


def test_all_that_have_stalled_are_asked_about_at_once(job: Job, alice: User) -> None:
    Job.objects.create(kind="simulate", title="Moves", owner=alice, status=Status.RUNNING)
    wait_until(lambda: snapshots.live([job])[1][str(job.pk)]["stalled"])
    client = Client()
    client.force_login(alice)
    chosen = {"verb": "cancel", "all": "1", "q": "status=stalled"}
    page = client.post("/jobs/many/", chosen).text
    assert "Cancel 1 job?" in page
    assert str(job.pk) in page
    assert client.post("/jobs/many/", chosen | {"q": "status=stalled&x=y"}).status_code == 400


@pytest.mark.parametrize("tab", ["", "status=bad", "kind=simulate", "sort=longest"])
def test_its_number_is_the_same_on_every_page(job: Job, alice: User, tab: str) -> None:
    wait_until(lambda: snapshots.snapshot(job, snapshots.live([job])[1][str(job.pk)])["stalled"])
    client = Client()
    client.force_login(alice)
    assert 'Stalled <span class="number">1</span>' in client.get(f"/?{tab}").text
    assert census.take().stalled == {"simulate": 1}


def test_nothing_is_stalled_for_want_of_knowledge(job: Job, valkey: Valkey) -> None:
    wait_until(lambda: snapshots.live([job])[1][str(job.pk)]["stalled"])
    valkey.flush()
    lost = snapshots.snapshot(job, snapshots.live([job])[1].get(str(job.pk)))
    assert (lost["quiet"], lost["stalled"]) == (None, False)


@pytest.mark.parametrize("status", [Status.QUEUED, Status.CANCELLING, Status.FAILED])
def test_only_what_runs_can_stall(job: Job, status: Status) -> None:
    wait_until(lambda: snapshots.live([job])[1][str(job.pk)]["stalled"])
    Job.objects.filter(pk=job.pk).update(status=status)
    job.refresh_from_db()
    assert snapshots.snapshot(job, snapshots.live([job])[1][str(job.pk)])["stalled"] is False
    log().append(str(job.pk), Event("state", snapshots.state(job)), attempt=1)
    time.sleep(0.6)
    assert snapshots.live([job])[1][str(job.pk)]["stalled"] is False


def test_a_kind_says_for_how_long_its_jobs_may_be_silent(settings: Any) -> None:
    @job_task(stalled_after=0)
    def never_stalls() -> None: ...

    @job_task(stalled_after=900)
    def patient() -> None: ...

    assert registry.stalled_after("never-stalls") is None
    assert registry.stalled_after("patient") == 900
    assert registry.stalled_after("simulate") == registry.stalled_after("gone") == 120
    settings.HEADWAY = settings.HEADWAY | {"JOB_STALLED_AFTER": 0}
    assert registry.stalled_after("simulate") is None


@pytest.mark.parametrize(
    "wrong",
    [{"stalled_after": value} for value in (-1, float("inf"), float("nan"), "5", True)]
    + [{"stalled_after": 0, "stop_stalled": True}],
)
def test_a_time_that_cannot_be_meant_is_refused_at_the_start(wrong: dict[str, Any]) -> None:
    @job_task(**wrong)
    def wrongly_declared() -> None: ...

    try:
        (error,) = run_checks()
        assert wrongly_declared.name in error.msg
        assert error.hint
    finally:
        wrongly_declared.app.tasks.unregister(wrongly_declared.name)


def test_a_job_that_stands_still_is_ended_if_its_kind_asks_for_it(
    running: TaskWorker, alice: User
) -> None:
    del running
    job = ended(actions.start("stands-still", {"moves": 0}, owner=alice))
    assert (job.status, job.reason) == (Status.FAILED, WHY)
    assert job.attempts.get().reason == WHY
    following = ended(actions.start("add", {"a": 1, "b": 2}, owner=alice))
    assert following.result == 3  # the process that stood still is gone


def test_a_job_that_moves_is_not_ended_while_redis_cannot_hear_it(
    running: TaskWorker, valkey: Valkey, alice: User
) -> None:
    del running
    job = actions.start("stands-still", {"moves": 9}, owner=alice)
    until_status(job, Status.RUNNING)
    valkey.pause()
    try:
        time.sleep(6)
        job.refresh_from_db()
        assert job.status == Status.RUNNING
    finally:
        valkey.resume()
    job = ended(job)
    assert (job.status, job.reason) == (Status.FAILED, WHY)
    assert job.started_at is not None
    assert job.finished_at is not None
    assert (job.finished_at - job.started_at).total_seconds() > 10

"""Starting jobs from code, waiting for them, and cancelling and retrying them."""

import asyncio
import time
import uuid

import pytest
from django.contrib.auth.models import AnonymousUser, User
from django.core.checks import run_checks
from django.db import transaction

import headway
from headway import ActionError, Job, job_task, progress
from headway.kinds import registry
from headway.models import Status
from tests.jobs import kinds, parameter_kinds, rows
from tests.jobs.waiting import ended, events, until_status


@pytest.mark.usefixtures("running")
def test_a_start_is_waited_for(alice: User) -> None:
    job = kinds.add.start(a=1, b=2, owner=alice, title="March")
    assert (job.status, job.owner, job.title) == (Status.QUEUED, alice, "March")
    done = headway.wait(job, 60)
    assert (done.pk, done.status, done.result) == (job.pk, Status.SUCCEEDED, 3)


@pytest.mark.usefixtures("running")
def test_everything_has_a_twin_for_asynchronous_code(alice: User) -> None:
    async def main() -> tuple[Job, Job, Job]:
        job = await kinds.deaf.astart(seconds=0.0, owner=alice)
        done = await headway.await_job(job, 60)
        other = await kinds.add.astart(a=1, owner=alice.pk)
        await headway.await_job(other, 60)
        queued = await kinds.steps.astart({"count": 999})
        cancelled = await headway.acancel(queued)
        cancelled = await headway.await_job(cancelled, 60)
        again = await headway.aretry(cancelled)
        await headway.acancel(again)
        await headway.await_job(again, 60)
        return done, cancelled, again

    done, cancelled, again = asyncio.run(main())
    assert (done.result, cancelled.status, again.status) == ("done", "cancelled", "queued")


@pytest.mark.usefixtures("running")
def test_a_parameter_may_be_called_like_an_option(alice: User) -> None:
    asked = {"title": "a", "owner": "b", "idempotency_key": "c", "params": "d"}
    job = parameter_kinds.names_as_options.start(asked, owner=alice, idempotency_key="k")
    assert parameter_kinds.names_as_options.start(asked, owner=alice, idempotency_key="k") == job
    assert (job.owner, job.title) == (alice, "Names as options")
    assert headway.wait(job, 60).result == ["a", "b", "c", "d"]
    by_celery = parameter_kinds.names_as_options.delay(**asked)
    done = ended(str(by_celery.id))
    assert (done.owner, done.result) == (None, ["a", "b", "c", "d"])


@pytest.mark.usefixtures("running")
def test_a_phase_may_be_a_block(alice: User) -> None:
    done = headway.wait(kinds.in_blocks.start(password="", owner=alice), 60)
    assert (done.status, done.phase) == (Status.SUCCEEDED, "Write")
    masked = headway.wait(kinds.in_blocks.start(password="hunter2-and-3"), 60)
    assert masked.status == Status.SUCCEEDED
    phases = [data.get("phase") for kind, data in events(masked) if kind == "progress"]
    assert "hunter2-and-3" not in phases


def test_a_phase_is_a_block_where_no_worker_runs() -> None:
    with progress.phase("Read", 0.5):
        pass


def test_who_is_not_signed_in_owns_nothing(db: None) -> None:
    assert kinds.add.start(a=1, owner=AnonymousUser()).owner is None


def test_delay_takes_an_owner(alice: User) -> None:
    assert Job.objects.get(pk=kinds.add.delay(1, owner=alice).id).owner == alice
    assert (
        Job.objects.get(pk=parameter_kinds.keyword_only.delay(name="x", owner=alice).id).owner
        == alice
    )


def test_a_key_counts_for_its_owner_and_its_parameters(alice: User, bob: User) -> None:
    first = kinds.add.start(a=1, owner=alice, idempotency_key="k")
    assert kinds.add.start(a=1, owner=alice, idempotency_key="k") == first
    assert kinds.add.start(a=1, owner=bob, idempotency_key="k") != first
    with pytest.raises(ActionError, match="other parameters"):
        kinds.add.start(a=2, owner=alice, idempotency_key="k")


def test_what_does_not_fit_is_an_action_error(db: None) -> None:
    for start in (kinds.add.start, kinds.add.delay):
        with pytest.raises(ActionError, match="'c'"):
            start(a=1, c=2)
    with pytest.raises(ActionError):
        kinds.add.apply_async((1, 2, 3))
    assert not Job.objects.exists()


def test_a_wait_has_an_end(transactional_db: None) -> None:
    job = rows.queued()
    begun = time.monotonic()
    with pytest.raises(TimeoutError, match=str(job.pk)):
        headway.wait(job, 0.3)
    assert time.monotonic() - begun >= 0.3
    with pytest.raises(TimeoutError):
        asyncio.run(headway.await_job(job, 0.1))
    with pytest.raises(ActionError, match="no longer exists"):
        headway.wait(Job(pk=uuid.uuid4()), 5)


def test_a_wait_within_a_transaction_is_refused(transactional_db: None) -> None:
    with transaction.atomic():
        job = rows.queued()
        with pytest.raises(transaction.TransactionManagementError, match="wait outside"):
            headway.wait(job, 5)


@pytest.mark.usefixtures("running")
def test_a_job_is_cancelled_and_retried_by_those_who_may(alice: User, bob: User) -> None:
    job = kinds.steps.start(count=999, owner=alice)
    until_status(job, Status.RUNNING)
    with pytest.raises(ActionError, match="not change it"):
        headway.cancel(job, by=bob)
    headway.cancel(job, by=alice)
    assert headway.wait(job, 60).status == Status.CANCELLED
    assert headway.retry(job).status == Status.QUEUED
    headway.cancel(job)
    headway.wait(job, 60)


def test_two_apps_may_have_an_export(db: None) -> None:
    @job_task(name="tests.another.add", kind="another-add")
    def add() -> None: ...

    try:
        assert not run_checks()
        assert registry.get("another-add").task.name == "tests.another.add"
        assert add.start().kind == "another-add"
    finally:
        add.app.tasks.unregister(add.name)


@pytest.mark.parametrize("kind", ["a b", "ä", "a/b", "x" * 101])
def test_a_kind_that_no_address_can_have_is_refused(kind: str) -> None:
    def function() -> None: ...

    with pytest.raises(ValueError, match="letters, digits"):
        job_task(kind=kind)(function)


def test_everything_that_the_package_promises_is_there() -> None:
    assert all(hasattr(headway, name) for name in headway.__all__)
    with pytest.raises(AttributeError):
        getattr(headway, "nothing")  # noqa: B009 - mypy knows that it is not there

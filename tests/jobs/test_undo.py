"""Undo of cancel, retry and what was asked of many: as it was before, or a sentence that says why
not."""

import pytest
from django.contrib.auth.models import Permission, User
from pytest_django import Settings

from headway.lifecycle import actions, bulk, lease, outbox, undo
from headway.lifecycle.actions import ActionError, NotAllowedError
from headway.lifecycle.bulk import Selection
from headway.models import AuditEntry, Job, Notice, Status
from tests.jobs.rows import ago, changed, queued, running
from tests.jobs.threads import at_once
from tests.jobs.waiting import reload, states
from tests.support.processes import wait_until

pytestmark = pytest.mark.usefixtures("valkey")


def row(job: Job) -> dict[str, object]:
    """All columns of a job."""
    return {**Job.objects.filter(pk=job.pk).values().get()}


def failed(**columns: object) -> Job:
    """A job that has said and left something, and failed."""
    job, _ = running()
    was = {
        "status": Status.FAILED,
        "reason": "No such file.",
        "finished_at": ago(5),
        "lease_until": None,
        "percent": 42.5,
        "message": "reading",
        "result": {"rows": [1, "ü"]},
        "files": ["rows.csv"],
        "refused": True,
        "cause": "0123456789abcdef",
        "options": {"priority": 3},
    }
    return changed(job, **was | columns)


def verbs(job: Job) -> list[tuple[str, str]]:
    entries = AuditEntry.objects.filter(job_id=job.pk).order_by("pk")
    return [(entry.verb, entry.result) for entry in entries]


@pytest.mark.django_db
@pytest.mark.parametrize("columns", [{}, {"reason": "x. Another attempt follows", "attempt": 1}])
def test_a_cancelled_job_waits_again(alice: User, columns: dict[str, object]) -> None:
    job = queued(owner=alice, not_before=ago(3), **columns)
    before = row(job)
    cancelled = actions.cancel(job, by=alice)
    assert 8 < undo.seconds_left(cancelled) <= 10
    assert undo.undo(cancelled, by=alice).status == "queued"
    assert row(job) == before | {"published_at": row(job)["published_at"]}
    assert verbs(job) == [("cancel", "cancelled"), ("undo cancel", "queued")]


@pytest.mark.django_db
def test_a_retried_job_is_what_it_was(alice: User) -> None:
    job = failed(owner=alice)
    before = row(job)
    again = actions.retry(job, by=alice)
    assert 8 < undo.seconds_left(again) <= 10
    undo.undo(again, by=alice)
    assert row(job) == before
    assert verbs(job) == [("retry", "queued"), ("undo retry", "failed")]


@pytest.mark.django_db(transaction=True)
def test_streams_and_receivers_hear_of_it(alice: User) -> None:
    job = actions.start("add", {"a": 1}, owner=alice)
    undo.undo(actions.cancel(job, by=alice), by=alice)
    wait_until(lambda: states(job) == ["queued", "cancelled", "queued"])
    undo.undo(actions.retry(actions.cancel(job, by=alice), by=alice), by=alice)
    wait_until(lambda: states(job)[3:] == ["cancelled", "queued", "cancelled"])


@pytest.mark.django_db
def test_nobody_is_told_of_an_end_that_was_undone(alice: User, settings: Settings) -> None:
    settings.HEADWAY = settings.HEADWAY | {"NOTICES": ["email"]}
    outbox.choose(alice.pk, {"email": True})
    job = queued(owner=alice, notify=True)
    cancelled = actions.cancel(job, by=alice)
    assert Notice.objects.filter(job_id=job.pk).exists()
    undo.undo(cancelled, by=alice)
    assert not Notice.objects.filter(job_id=job.pk).exists()


@pytest.mark.django_db
def test_a_worker_that_was_faster_has_the_job(alice: User) -> None:
    job = actions.retry(failed(owner=alice), by=alice)
    assert lease.claim(job.pk, "worker@test/1")
    with pytest.raises(ActionError, match="A worker has this job already"):
        undo.undo(job, by=alice)
    assert reload(job).status == "running"


@pytest.mark.django_db
def test_what_was_undone_is_not_there_for_a_worker(alice: User) -> None:
    job = undo.undo(actions.retry(failed(owner=alice), by=alice), by=alice)
    assert lease.claim(job.pk, "worker@test/1") is None


@pytest.mark.django_db(transaction=True)
def test_one_of_undo_and_claim_wins(alice: User) -> None:
    for _ in range(5):
        job = actions.retry(failed(owner=alice), by=alice)
        took, undone = at_once(
            [
                lambda: lease.claim(job.pk, "worker@test/1"),  # noqa: B023 - joined within
                lambda: undo.undo(job, by=alice),  # noqa: B023
            ]
        )
        won = isinstance(undone, Job)
        assert reload(job).status == ("failed" if won else "running")
        assert (took is None) == won


@pytest.mark.django_db
def test_the_cancel_of_a_running_job_stays(alice: User) -> None:
    job, _ = running(owner=alice)
    for status in (Status.CANCELLING, Status.CANCELLED):
        told = changed(actions.cancel(job, by=alice) if status == Status.CANCELLING else job)
        told = changed(told, status=status)
        assert undo.seconds_left(told) == 0
        with pytest.raises(ActionError, match="It was running when it was cancelled"):
            undo.undo(told, by=alice)


@pytest.mark.django_db
@pytest.mark.parametrize("verb", ["cancel", "retry"])
def test_ten_seconds_later_it_is_over(alice: User, verb: str) -> None:
    job = (
        actions.cancel(queued(owner=alice), by=alice)
        if verb == "cancel"
        else actions.retry(failed(owner=alice), by=alice)
    )
    job = changed(job, **dict.fromkeys(("cancel_requested_at", "not_before"), ago(11)))
    if verb == "retry":
        job = changed(job, cancel_requested_at=None)
    assert undo.seconds_left(job) == 0
    with pytest.raises(ActionError, match="for 10 seconds, and these are over"):
        undo.undo(job, by=alice)


@pytest.mark.django_db
def test_who_may_only_look_may_not(alice: User, bob: User) -> None:
    bob.is_staff = True
    bob.save()
    bob.user_permissions.add(Permission.objects.get(codename="view_job"))
    job = actions.cancel(queued(owner=alice), by=alice)
    with pytest.raises(NotAllowedError):
        undo.undo(job, by=bob)
    assert verbs(job)[-1] == ("undo", "refused: no permission")
    bob.user_permissions.add(Permission.objects.get(codename="retry_job"))
    bob = User.objects.get(pk=bob.pk)
    with pytest.raises(NotAllowedError):  # it was a cancel
        undo.undo(job, by=bob)


@pytest.mark.django_db
def test_there_is_nothing_to_undo(alice: User) -> None:
    for job in (queued(owner=alice), failed(owner=alice)):
        with pytest.raises(ActionError, match="There is nothing to undo"):
            undo.undo(job, by=alice)


@pytest.mark.django_db
@pytest.mark.parametrize("verb", ["cancel", "retry", "delete"])
def test_what_many_wait_for_is_called_off(alice: User, verb: str) -> None:
    job = queued(owner=alice)
    many = reload(bulk.start(verb, Selection(ids=[str(job.pk)]), alice))
    assert lease.claim(many.pk, "worker@test/1") is None  # not due
    assert 8 < undo.seconds_left(many) <= 10
    off = undo.undo(many, by=alice)
    assert (off.status, off.reason) == ("cancelled", "Called off by alice")
    assert lease.claim(many.pk, "worker@test/1") is None
    assert undo.seconds_left(off) == 0
    assert verbs(many) == [("start", "queued"), ("undo start", "cancelled")]


@pytest.mark.django_db
def test_what_has_begun_is_stopped_where_it_is(alice: User) -> None:
    many = bulk.start("cancel", Selection(ids=[str(queued(owner=alice).pk)]), alice)
    changed(many, not_before=ago(1))
    assert lease.claim(many.pk, "worker@test/1")
    with pytest.raises(ActionError, match="what is done stays done, and the rest is being stopped"):
        undo.undo(many, by=alice)
    assert reload(many).status == "cancelling"

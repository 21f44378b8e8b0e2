"""The janitor: what was lost is found, and two janitors are as good as one."""

import signal

import pytest
from django.contrib.auth.models import User
from django.core.files.base import ContentFile
from django.core.files.storage import FileSystemStorage, default_storage
from django.core.management import call_command
from pytest_django import Settings

from headway.conf import numbers
from headway.lifecycle import actions, announce, dispatch, janitor, lease, pruning
from headway.lifecycle.traces import Traces
from headway.models import AuditEntry, Job, Status, result_path
from headway.stream import keys
from tests.jobs import rows
from tests.jobs.threads import at_once
from tests.jobs.waiting import ended, reload, states
from tests.support.processes import wait_until
from tests.support.stack import Janitor, Valkey

pytestmark = pytest.mark.usefixtures("empty")


@pytest.fixture
def empty(valkey: Valkey, transactional_db: None) -> Valkey:
    """Valkey with nothing in it."""
    del transactional_db
    valkey.flush()
    return valkey


def messages() -> int:
    return dispatch.depth("celery") or 0


def test_a_job_that_was_never_published_is_published() -> None:
    job = rows.queued(published_at=None)
    janitor.sweep()
    assert messages() == 1
    assert reload(job).published_at is not None
    assert states(job) == ["queued"]


def test_a_job_whose_start_may_still_publish_it_is_left_alone() -> None:
    rows.queued(published_at=None, created_at=rows.ago(1))
    janitor.sweep()
    assert messages() == 0


def test_jobs_of_a_kind_that_is_gone_do_not_hold_up_others(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(janitor, "PER_SWEEP", 2)
    for published_at in (None, None, rows.ago(1000)):
        rows.queued(kind="gone", published_at=published_at, created_at=rows.ago(1000))
    job = rows.queued(published_at=None)
    janitor.sweep()
    assert messages() == 1
    assert reload(job).published_at is not None
    assert "3 job(s) wait: this code has no kind 'gone'" in caplog.text


def test_a_lost_message_is_published_again() -> None:
    rows.queued(published_at=rows.ago(16), created_at=rows.ago(16))
    janitor.sweep()
    assert messages() == 1


@pytest.mark.usefixtures("unlimited")
def test_a_long_queue_with_all_its_messages_is_left_alone() -> None:
    for _ in range(3):
        assert dispatch.publish(rows.queued())
    Job.objects.update(published_at=rows.ago(1000), created_at=rows.ago(1000))
    janitor.sweep()
    assert messages() == 3


@pytest.mark.usefixtures("unlimited")
def test_of_an_honest_long_queue_few_are_published_again() -> None:
    dispatch.publish(rows.queued())
    for age in (20, 40, 80, 160):  # published late in their lives, so waiting long is normal
        rows.queued(created_at=rows.ago(age + 20), published_at=rows.ago(20))
    before = messages()
    janitor.sweep()
    assert messages() - before == 1


def test_a_job_that_is_not_due_is_not_published() -> None:
    rows.queued(published_at=None, not_before=rows.ago(-100))
    janitor.sweep()
    assert messages() == 0


def test_jobs_of_deactivated_users_are_cancelled_where_the_setting_says_so(
    alice: User, bob: User, settings: Settings
) -> None:
    hers, running, his = rows.queued(owner=alice), rows.running(owner=alice)[0], rows.queued()
    rows.changed(his, owner=bob)
    User.objects.filter(pk=alice.pk).update(is_active=False)
    janitor.see_to_deactivated()
    assert (reload(hers).status, reload(running).status) == ("queued", "running")
    settings.HEADWAY = settings.HEADWAY | {"JOB_CANCEL_DEACTIVATED": True}
    janitor.see_to_deactivated()
    assert [reload(job).status for job in (hers, running, his)] == [
        *("cancelled", "cancelling", "queued")
    ]
    assert reload(hers).reason == "Cancelled, because its user was deactivated"


def test_jobs_of_a_deleted_user_end_where_the_setting_says_so(
    alice: User, bob: User, settings: Settings
) -> None:
    his = rows.queued()
    rows.changed(his, owner=bob)
    bob.delete()
    assert reload(his).status == "queued"
    settings.HEADWAY = settings.HEADWAY | {"JOB_CANCEL_DEACTIVATED": True}
    hers, running = rows.queued(owner=alice), rows.running(owner=alice)[0]
    alice.delete()
    assert [reload(job).status for job in (hers, running)] == ["cancelled", "cancelling"]
    assert reload(hers).reason == "Cancelled, because its user was deleted"


def test_jobs_pass_to_somebody_where_the_setting_says_so(
    alice: User, bob: User, boss: User, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    settings.HEADWAY = settings.HEADWAY | {"JOB_SUCCESSOR": "nobody"}
    hers, his = rows.queued(owner=alice, notify=True), rows.running(owner=bob)[0]
    ended = rows.running(owner=alice)[0]
    rows.changed(ended, owner=alice, status=Status.SUCCEEDED)
    User.objects.filter(pk=alice.pk).update(is_active=False)
    janitor.see_to_deactivated()
    assert reload(hers).owner == alice
    assert "no active user 'nobody' can take jobs over" in caplog.text
    settings.HEADWAY = settings.HEADWAY | {"JOB_SUCCESSOR": "boss"}
    janitor.see_to_deactivated()
    assert (reload(hers).owner, reload(hers).notify) == (boss, False)
    assert (reload(his).owner, reload(ended).owner) == (bob, alice)
    told = AuditEntry.objects.get(job_id=hers.pk)
    assert (told.verb, told.result) == ("pass on", "to boss: its user was deactivated")
    alice.delete()
    assert reload(ended).owner == boss
    boss.delete()
    assert reload(hers).owner is None


def test_a_job_of_an_unknown_kind_does_not_keep_others_waiting() -> None:
    rows.queued(kind="of-a-newer-version", published_at=None, created_at=rows.ago(99))
    rows.queued(published_at=None)
    janitor.sweep()
    assert messages() == 1


def test_a_job_that_no_queue_can_take_does_not_keep_others_waiting() -> None:
    rows.queued(published_at=None, created_at=rows.ago(20), options={"serializer": "unheard of"})
    job = rows.queued(published_at=None)
    janitor.sweep()
    assert messages() == 1
    assert reload(job).published_at is not None


def test_an_end_that_redis_did_not_take_is_told_once_it_is_back(empty: Valkey) -> None:
    job, attempt = rows.running()
    wait_until(lambda: states(job) == ["running"])
    empty.kill()
    assert lease.settle(attempt, Status.SUCCEEDED, Traces())
    janitor.sweep()
    empty.start()
    rows.changed(job, finished_at=rows.ago(6))
    janitor.sweep()
    janitor.sweep()
    assert states(job)[-1] == "succeeded"
    with empty.client() as client:
        assert client.ttl(keys.log(str(job.pk))) > 0


def test_a_start_that_is_told_after_the_cancel_does_not_stay_the_last_word(empty: Valkey) -> None:
    job = rows.queued(published_at=None)
    actions.cancel(job)
    dispatch.publish(job)
    rows.changed(job, finished_at=rows.ago(6))
    janitor.sweep()
    assert states(job)[-1] == "cancelled"
    with empty.client() as client:
        assert client.ttl(keys.log(str(job.pk))) > 0


def test_an_expired_lease_queues_the_job_again_while_attempts_are_left() -> None:
    job, attempt = rows.running(max_attempts=2, lease_until=rows.ago(10), percent=40.0)
    janitor.sweep()
    job = reload(job)
    assert (job.status, job.published_at, job.percent) == ("queued", None, None)
    assert job.reason == (
        "The worker disappeared (last sign of life 40 s ago). Another attempt follows"
    )
    attempt.refresh_from_db()
    assert (attempt.status, attempt.finished_at is not None) == ("lost", True)


def test_an_expired_lease_without_attempts_left_is_lost_with_its_percent() -> None:
    job, _ = rows.running(lease_until=rows.ago(10), percent=40.0)
    janitor.sweep()
    job = reload(job)
    assert (job.status, job.percent) == ("lost", 40)
    assert job.reason == "The worker disappeared (last sign of life 40 s ago)"
    assert states(job)[-1] == "lost"


def test_a_lost_worker_that_was_asked_to_cancel_leaves_a_cancelled_job() -> None:
    job, _ = rows.running(
        status="cancelling", cancel_requested_at=rows.ago(1), lease_until=rows.ago(1)
    )
    janitor.sweep()
    assert reload(job).status == "cancelled"


def test_a_cancel_past_its_deadline_ends_the_job() -> None:
    job, attempt = rows.running(
        status="cancelling", cancel_requested_at=rows.ago(31), reason="Cancelled by alice"
    )
    janitor.sweep()
    assert (reload(job).status, reload(job).reason) == ("cancelled", "Cancelled by alice")
    attempt.refresh_from_db()
    assert attempt.reason == "It did not stop within 30 s"


def test_a_cancel_within_its_deadline_is_left_to_the_task() -> None:
    job, _ = rows.running(status="cancelling", cancel_requested_at=rows.ago(5))
    janitor.sweep()
    assert reload(job).status == "cancelling"


def test_a_job_that_expired_in_the_queue_is_cancelled() -> None:
    late = rows.ago(1).isoformat()
    job = rows.queued(options={"expires": {"__type__": "datetime", "__value__": late}})
    janitor.sweep()
    assert (reload(job).status, reload(job).reason) == (
        "cancelled",
        "Expired before a worker was free",
    )


def test_old_history_goes_with_its_files() -> None:
    old, young = (
        rows.queued(status="succeeded", files=["a.csv"], finished_at=rows.ago(days * 86400))
        for days in (91, 89)
    )
    for job in (old, young):
        default_storage.save(result_path(job.pk, 1, "a.csv"), ContentFile(b"x"))
        default_storage.save(f"uploads/{job.pk}/b.csv", ContentFile(b"x"))
    janitor.sweep()
    assert list(Job.objects.all()) == [young]
    for folder in ("results", "uploads"):
        assert not default_storage.exists(f"{folder}/{old.pk}")
        assert default_storage.exists(f"{folder}/{young.pk}")


def test_a_job_that_cannot_be_dealt_with_keeps_no_other_waiting(
    caplog: pytest.LogCaptureFixture,
) -> None:
    rows.queued(options={"expires": "never heard of"}, created_at=rows.ago(99))
    late = rows.ago(1).isoformat()
    job = rows.queued(options={"expires": {"__type__": "datetime", "__value__": late}})
    janitor.sweep()
    assert reload(job).status == "cancelled"
    assert "could not deal with job" in caplog.text


def test_the_log_of_a_pruned_job_goes_with_it(empty: Valkey) -> None:
    job = rows.queued(published_at=None)
    announce.created(job)  # and Redis missed the rest, so nothing lets it expire
    rows.changed(job, status="succeeded", finished_at=rows.ago(91 * 86400))
    janitor.sweep()
    with empty.client() as client:
        assert not client.exists(keys.log(str(job.pk)), keys.snapshot(str(job.pk)))


class NeverDeletes(FileSystemStorage):
    """One of a service, whose library has exceptions of its own."""

    def delete(self, name: str) -> None:
        raise RuntimeError(f"AccessDenied: {name}")


def test_files_that_cannot_be_deleted_keep_no_job(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    default = {"BACKEND": f"{__name__}.{NeverDeletes.__name__}"}
    settings.STORAGES = settings.STORAGES | {"default": default}
    job = rows.queued(status="failed", attempt=1, finished_at=rows.ago(91 * 86400), files=["a"])
    default_storage.save(result_path(job.pk, 1, "a"), ContentFile(b"x"))
    janitor.sweep()
    assert not Job.objects.filter(pk=job.pk).exists()
    assert "could not be deleted: AccessDenied" in caplog.text


def test_the_longest_times_that_can_be_set_are_kept(settings: Settings) -> None:
    longest = {name: high for name, (_, _, high) in numbers().items()}
    settings.HEADWAY = settings.HEADWAY | longest
    job = rows.queued(status="failed", finished_at=rows.ago(3_000 * 86400), secrets="x")
    for step in (pruning.prune, janitor.erase_secrets, janitor.publish_forgotten):
        step()
    assert reload(job).secrets == "x"
    assert rows.running()[0].lease_until is not None


def test_two_janitors_change_each_job_once() -> None:
    jobs = [rows.running(max_attempts=2, lease_until=rows.ago(1))[0] for _ in range(5)]
    outcomes = at_once([janitor.sweep] * 3)
    assert outcomes == [False] * 3
    for job in jobs:
        assert reload(job).status == "queued"
        assert states(job).count("queued") == 1


def test_a_sweep_without_a_broker_ends_soon(empty: Valkey) -> None:
    for _ in range(20):
        rows.queued(published_at=None)
    empty.pause()
    try:
        janitor.publish_forgotten()
    finally:
        empty.resume()
    assert Job.objects.filter(published_at=None).count() == 20


def test_one_sweep_can_be_asked_for() -> None:
    job, _ = rows.running(lease_until=rows.ago(1))
    call_command("janitor", "--once")
    assert reload(job).status == "lost"


def test_the_janitor_ends_when_told(janitor: Janitor) -> None:
    job, _ = rows.running(lease_until=rows.ago(1))
    assert ended(job).status == "lost"
    janitor.signal(signal.SIGTERM)
    wait_until(lambda: not janitor.running)
    assert janitor.stop() == 0

"""The janitor: what was lost is found, and two janitors are as good as one."""

import signal

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import FileSystemStorage, default_storage
from django.core.management import call_command
from pytest_django import Settings

from headway.conf import numbers
from headway.lifecycle import actions, announce, dispatch, janitor, lease, pruning
from headway.lifecycle.traces import Traces
from headway.models import Job, Status, result_path
from headway.stream import keys
from tests.jobs import rows
from tests.jobs.threads import at_once
from tests.jobs.waiting import ended, reload, states
from tests.support.processes import wait_until
from tests.support.stack import Janitor, Valkey

pytestmark = pytest.mark.usefixtures("empty")


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
        "The worker disappeared (no sign of life for 40 s). Another attempt follows"
    )
    attempt.refresh_from_db()
    assert (attempt.status, attempt.finished_at is not None) == ("lost", True)


def test_an_expired_lease_without_attempts_left_is_lost_with_its_percent() -> None:
    job, _ = rows.running(lease_until=rows.ago(10), percent=40.0)
    janitor.sweep()
    job = reload(job)
    assert (job.status, job.percent) == ("lost", 40)
    assert job.reason == "The worker disappeared (no sign of life for 40 s)"
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

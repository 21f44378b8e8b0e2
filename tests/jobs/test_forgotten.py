"""The janitor publishes what nobody has published, or what the broker has lost, and no more."""

import pytest

from headway.lifecycle import dispatch, janitor
from headway.models import Job
from tests.jobs import rows
from tests.jobs.waiting import reload, states
from tests.support.stack import Valkey

pytestmark = pytest.mark.usefixtures("empty")


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


def test_a_sweep_without_a_broker_ends_soon(empty: Valkey) -> None:
    for _ in range(20):
        rows.queued(published_at=None)
    empty.pause()
    try:
        janitor.publish_forgotten()
    finally:
        empty.resume()
    assert Job.objects.filter(published_at=None).count() == 20

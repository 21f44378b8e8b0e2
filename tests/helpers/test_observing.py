"""Tasks that are not ours, as `observe` shows them: rows, states and bars, by a real worker."""

import uuid
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from celery import current_app
from django.contrib.auth.models import User
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from headway.lifecycle import actions, janitor, observed, snapshots
from headway.lifecycle.traces import Traces
from headway.models import Attempt, Job, Status
from headway.worker import observed_tasks, observing
from tests.helpers import theirs
from tests.helpers.conftest import TheirWorker
from tests.jobs.waiting import ended, events, until_status
from tests.support.processes import wait_until
from tests.support.stack import Valkey

pytestmark = pytest.mark.django_db(transaction=True)


def row(asked: Any) -> Job:
    return Job.objects.get(pk=asked.id)


def swept(job: Job) -> str:
    """The job's status after a sweep of the janitor."""
    janitor.sweep()
    return Job.objects.get(pk=job.pk).status


def bar(job: Job) -> dict[str, Any]:
    _, live = snapshots.live([job])
    return dict(live.get(str(job.pk), {}))


def test_a_task_of_somebody_else_has_a_row_states_and_a_bar(
    their_worker: TheirWorker, alice: User, tmp_path: Path
) -> None:
    go_on = tmp_path / "go-on"
    asked = theirs.reindex.delay(alice.pk, 10, until=str(go_on))
    assert (row(asked).title, row(asked).owner) == ("Rebuild the index", alice)
    job = until_status(asked.id, "running")
    moved = wait_until(lambda: now if (now := bar(job)).get("current") == 5 else {})
    assert (moved["percent"], moved["total"], moved["message"]) == (50, 10, "Page 5")
    go_on.touch()
    done = ended(job)
    assert (done.status, done.percent, done.current, done.attempt) == ("succeeded", 100, 10, 1)
    assert done.created_at <= done.started_at <= done.finished_at  # type: ignore[operator]
    states = [data["status"] for kind, data in events(done) if kind == "state"]
    assert states == ["queued", "running", "succeeded"]


def test_a_failure_is_a_reference_for_users_and_a_traceback_for_staff(
    their_worker: TheirWorker,
) -> None:
    job = ended(theirs.fails.delay().id)
    assert (job.status, job.owner) == ("failed", None)
    assert "nobody's business" not in job.reason
    assert "nobody's business" in Attempt.objects.get(job=job).error


def test_a_retry_is_the_next_attempt_and_an_owner_who_cannot_be_told_is_nobody(
    their_worker: TheirWorker,
) -> None:
    job = ended(theirs.tries_again.delay().id)
    assert (job.status, job.attempt, job.owner) == ("succeeded", 2, None)
    attempts = job.attempts.order_by("number").values_list("status", flat=True)
    wait_until(lambda: list(attempts.all()) == ["failed", "succeeded"])


def test_an_owner_who_does_not_exist_fails_nobodys_transaction(their_worker: TheirWorker) -> None:
    with transaction.atomic():
        asked = theirs.reindex.delay(4711, 2)
    assert ended(asked.id).owner is None


def test_a_process_that_was_killed_leaves_nothing_running(their_worker: TheirWorker) -> None:
    job = ended(theirs.kills_its_process.delay().id)
    assert job.status == "lost"
    assert "killed" in job.reason


def test_a_worker_that_is_gone_leaves_nothing_running(
    their_worker: TheirWorker, tmp_path: Path
) -> None:
    job = until_status(theirs.reindex.delay(None, 4, until=str(tmp_path / "x")).id, "running")
    their_worker.kill()
    try:
        wait_until(lambda: swept(job) == "lost")
    finally:
        current_app.control.purge()
        their_worker.start()


def test_one_that_runs_longer_than_a_lease_is_not_given_up(
    their_worker: TheirWorker, tmp_path: Path
) -> None:
    go_on = tmp_path / "go-on"
    job = until_status(theirs.reindex.delay(None, 4, until=str(go_on)).id, "running")
    first = job.lease_until
    assert first is not None
    wait_until(lambda: timezone.now() > first + timedelta(seconds=1))
    janitor.sweep()
    assert Job.objects.get(pk=job.pk).status == "running"
    go_on.touch()
    assert ended(job).status == "succeeded"


def test_a_revoked_one_is_cancelled(their_worker: TheirWorker) -> None:
    asked = theirs.reindex.apply_async((None, 4), countdown=2)
    assert row(asked).not_before is not None
    asked.revoke()
    assert ended(asked.id).status == "cancelled"


def test_what_nobody_observes_has_no_row_nor_what_has_an_id_of_its_own(
    their_worker: TheirWorker,
) -> None:
    theirs.unseen.delay()
    theirs.fails.apply_async(task_id="nightly")
    last = theirs.fails.delay()
    ended(last.id)
    assert Job.objects.count() == 1


def test_it_is_read_only(valkey: Valkey, alice: User) -> None:
    observed.queued(uuid.uuid4(), "theirs", "Theirs", owner=alice.pk)
    job = Job.objects.get()
    with pytest.raises(actions.ActionError, match="only observed"):
        actions.cancel(job, by=alice)
    Job.objects.update(status="failed")
    with pytest.raises(actions.ActionError, match="only observed"):
        actions.retry(job, by=alice)
    client = Client()
    client.force_login(alice)
    page = client.get(job.get_absolute_url()).content.decode()
    assert "only observed" in page
    assert ">Retry<" not in page


def test_a_task_that_was_sent_in_a_transaction_that_failed_has_a_row_once_it_runs(
    their_worker: TheirWorker,
) -> None:
    with transaction.atomic():
        asked = theirs.fails.delay()
        transaction.set_rollback(True)
    wait_until(lambda: Job.objects.filter(pk=asked.id, status="failed").exists())


def test_the_janitor_never_sends_one_again_and_ends_it_after_a_day(valkey: Valkey) -> None:
    pk = uuid.uuid4()
    observed.queued(pk, "theirs", "Theirs")
    Job.objects.update(published_at=timezone.now() - timedelta(hours=1))
    janitor.sweep()
    assert Job.objects.get(pk=pk).status == "queued"
    Job.objects.update(created_at=timezone.now() - timedelta(hours=25))
    janitor.sweep()
    assert Job.objects.get(pk=pk).status == "lost"


def test_an_end_counts_more_than_a_silence(valkey: Valkey) -> None:
    pk = uuid.uuid4()
    observed.queued(pk, "theirs", "Theirs")
    attempt = observed.begun(pk, "a test", vouched=True)
    assert attempt is not None
    Job.objects.update(status="lost")
    observed.ended(attempt, Status.SUCCEEDED, Traces())
    assert Job.objects.get(pk=pk).status == "succeeded"


def test_its_row_is_made_by_a_transaction_that_begins_with_a_write(valkey: Valkey) -> None:
    """SQLite refuses the first write of one that has read, once others have written."""
    del valkey
    with CaptureQueriesContext(connection) as queries:
        observed.queued(uuid.uuid4(), "theirs", "Theirs")
    said = [query["sql"].split()[0] for query in queries]
    assert said[said.index("BEGIN") + 1] == "INSERT"


def test_a_query_for_its_owner_that_fails_fails_no_transaction_around_it() -> None:
    """PostgreSQL refuses all that follows, but after a savepoint."""

    def asks(_: int) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT owner FROM nowhere")

    watched = observed_tasks.Observed("theirs", "Theirs", asks)
    with transaction.atomic(), CaptureQueriesContext(connection) as queries:
        assert watched.owner_of((1,), {}) is None
    said = [query["sql"].partition('"')[0].strip() for query in queries]
    assert "SAVEPOINT" in said
    assert "ROLLBACK TO SAVEPOINT" in said


def test_a_name_that_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match="100 characters"):
        observing.observe("x" * 101)
    with pytest.raises(ValueError, match="title has 201 characters"):
        observing.observe("x", title="T" * 201)


@pytest.fixture
def eager() -> Iterator[None]:
    current_app.conf.task_always_eager = True
    yield
    current_app.conf.task_always_eager = False


@pytest.mark.django_db
def test_an_eager_one_has_its_row_too(eager: None) -> None:
    asked = theirs.reindex.delay(None, 3)
    assert (row(asked).status, row(asked).current) == ("succeeded", 3)

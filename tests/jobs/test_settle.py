"""The end of an attempt: one conditional UPDATE decides it, and it is never lost silently."""

import signal
import sqlite3
import threading
import time
from collections.abc import Callable
from functools import partial

import pytest
from billiard.exceptions import SoftTimeLimitExceeded
from django.conf import settings
from django.contrib.auth.models import User
from django.db import OperationalError, connection

from headway.kinds import registry
from headway.lifecycle import actions, lease, outage
from headway.lifecycle.traces import Traces
from headway.models import Job, Status
from headway.stream.event import progress_of
from headway.worker.runner import Runner
from tests.jobs import rows
from tests.jobs.threads import at_once
from tests.support.stack import Valkey

HALF = Traces(
    progress_of(
        {"percent": 50.0, "current": 5, "total": 10, "message": "m", "phase": "p", "warnings": 1}
    ),
    [{"item": "row 3", "reason": "empty"}],
    [{"n": 1, "t": 1_795_381_784_512, "level": "info", "text": "begun"}],
    [{"name": "p", "started": 0.5, "ended": None}],
    [(1.0, 50.0, None)],
)


def test_success_stores_everything_and_shows_a_hundred(db: None) -> None:
    job, attempt = rows.running()
    assert lease.settle(attempt, Status.SUCCEEDED, HALF, result={"n": 1}, files=["a.csv"])
    job = rows.changed(job)
    assert (job.status, job.percent, job.result, job.files) == (
        "succeeded",
        100,
        {"n": 1},
        ["a.csv"],
    )
    assert (job.current, job.total, job.warning_count, job.lease_until) == (5, 10, 1, None)
    attempt.refresh_from_db()
    assert (attempt.status, attempt.warnings, attempt.lines) == (
        "succeeded",
        HALF.warnings,
        HALF.lines,
    )
    assert (attempt.phases, attempt.samples) == (HALF.phases, [[1.0, 50.0, None]])
    assert attempt.due_at == job.created_at
    assert attempt.finished_at is not None


@pytest.mark.parametrize("status", [Status.FAILED, Status.CANCELLED])
def test_any_other_end_freezes_the_bar(db: None, status: Status) -> None:
    job, attempt = rows.running()
    lease.settle(attempt, status, HALF)
    assert rows.changed(job).percent == 50


def test_a_cancelled_job_still_says_who_asked_for_it(alice: User) -> None:
    job, attempt = rows.running(owner=alice)
    actions.cancel(job, by=alice)
    assert lease.settle(attempt, Status.CANCELLED, Traces())
    assert rows.changed(job).reason == "Cancelled by alice"


def test_a_second_end_loses(db: None) -> None:
    job, attempt = rows.running()
    assert lease.settle(attempt, Status.SUCCEEDED, Traces())
    assert not lease.settle(attempt, Status.FAILED, Traces(), reason="late")
    assert rows.changed(job).status == "succeeded"


def test_the_same_end_may_be_stored_twice(db: None) -> None:
    _, attempt = rows.running()
    assert lease.settle(attempt, Status.SUCCEEDED, Traces())
    assert lease.settle(attempt, Status.SUCCEEDED, Traces())


@pytest.mark.django_db(transaction=True)
def test_completion_and_the_janitors_cancel_have_one_winner() -> None:
    for _ in range(15):
        job, attempt = rows.running(status="cancelling", cancel_requested_at=rows.ago(99))
        acts: list[Callable[[], object]] = [
            partial(lease.settle, attempt, Status.SUCCEEDED, Traces()),
            partial(lease.abandon, job.pk, "deaf", status=Status.CANCELLING),
        ]
        won = at_once(acts)
        assert sorted(won, key=bool) == [False, True]
        assert rows.changed(job).status == ("succeeded" if won[0] else "cancelled")


@pytest.mark.django_db(transaction=True)
def test_completion_and_cancel_have_one_winner() -> None:
    for _ in range(15):
        job, attempt = rows.running()
        acts: list[Callable[[], object]] = [
            partial(lease.settle, attempt, Status.SUCCEEDED, Traces()),
            partial(actions.cancel, job),
        ]
        settled, cancelled = at_once(acts)
        # A task that finished all the same has succeeded, even after it was asked to stop.
        assert settled is True
        assert isinstance(cancelled, (Job, actions.ActionError))
        assert rows.changed(job).status == "succeeded"


@pytest.mark.skipif(connection.vendor != "sqlite", reason="only SQLite has one lock for all")
@pytest.mark.django_db(transaction=True)
def test_a_locked_database_delays_the_end_and_does_not_lose_it() -> None:
    job, attempt = rows.running()
    connection.close()
    locker = sqlite3.connect(settings.DATABASES["default"]["NAME"], check_same_thread=False)
    locker.execute("BEGIN IMMEDIATE")
    connection.ensure_connection()
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA busy_timeout = 50")
    unlock = threading.Timer(0.5, locker.rollback)
    unlock.start()
    begun = time.monotonic()
    assert outage.insist(lambda: lease.settle(attempt, Status.SUCCEEDED, Traces()))
    assert time.monotonic() - begun > 0.3
    unlock.join()
    locker.close()
    assert rows.changed(job).status == "succeeded"


def test_an_alarm_while_the_last_progress_is_written_does_not_lose_the_end(
    valkey: Valkey, transactional_db: None
) -> None:
    def ring(*_: object) -> None:
        raise SoftTimeLimitExceeded

    job, attempt = rows.running()
    before = signal.signal(signal.SIGALRM, ring)
    valkey.pause()  # so that the writing takes two seconds
    signal.setitimer(signal.ITIMER_REAL, 0.5)
    try:
        Runner(registry.get(job.kind).task, attempt).run()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        valkey.resume()
    assert rows.changed(job).status == "succeeded"


@pytest.mark.usefixtures("valkey", "transactional_db")
def test_an_alarm_before_the_task_begins_ends_the_job_in_words() -> None:
    """As while the next job of the same owner is sent, and the broker hangs."""

    def ring() -> None:
        raise SoftTimeLimitExceeded

    job, attempt = rows.running()
    with pytest.raises(SoftTimeLimitExceeded):
        Runner(registry.get(job.kind).task, attempt, first=ring).run()
    ended = rows.changed(job)
    assert (ended.status, ended.lease_until) == ("failed", None)
    assert ended.reason.startswith("Took longer than")


def test_insisting_inside_a_transaction_fails_at_once(db: None) -> None:
    def locked() -> None:
        raise OperationalError("database is locked")

    with pytest.raises(OperationalError):
        outage.insist(locked)


def test_renewing_commits_the_progress_and_keeps_the_lease(db: None) -> None:
    job, attempt = rows.running(lease_until=rows.ago(-2))
    assert lease.renew(attempt, HALF) is True
    job = rows.changed(job)
    assert (job.percent, job.message, job.phase) == (50, "m", "p")
    assert job.lease_until is not None
    assert job.lease_until > rows.ago(-20)


def test_renewing_tells_of_a_cancel(db: None) -> None:
    job, attempt = rows.running()
    actions.cancel(job)
    assert lease.renew(attempt, Traces()) is None


@pytest.mark.parametrize(
    "columns", [{"attempt": 2}, {"status": "lost"}, {"status": "queued"}, {"status": "succeeded"}]
)
def test_a_replaced_attempt_can_neither_renew_nor_settle_nor_save(
    db: None, columns: dict[str, object]
) -> None:
    job, attempt = rows.running()
    rows.changed(job, **columns)
    assert lease.renew(attempt, HALF) is False
    assert not lease.settle(attempt, Status.FAILED, HALF)
    assert not lease.checkpoint(attempt, 1)
    assert rows.changed(job).percent is None

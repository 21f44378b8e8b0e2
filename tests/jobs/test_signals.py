"""Signals of what becomes of jobs, for a project's own code."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import transaction

import headway
from headway import signals
from headway.lifecycle import lease
from headway.lifecycle.announce import SIGNALS
from headway.lifecycle.traces import Traces
from headway.models import Attempt, Job, Status
from tests.jobs import kinds, rows
from tests.support.processes import wait_until
from tests.support.stack import Valkey

ALL = {*SIGNALS.values()}
Heard = list[tuple[Any, Job, Status]]


@pytest.fixture
def heard(valkey: Valkey, transactional_db: None) -> Iterator[Heard]:
    """What a receiver of every signal was sent: signal, job and status."""
    del transactional_db
    valkey.flush()
    found: Heard = []

    def hear(signal: Any, sender: Any, job: Job, status: Status, **_: Any) -> None:
        assert sender is Job
        found.append((signal, job, status))

    for signal in ALL:
        signal.connect(hear)
    yield found
    for signal in ALL:
        signal.disconnect(hear)


def told(heard: Heard) -> list[str]:
    return [str(status) for _, _, status in heard]


def test_every_change_of_a_job_is_signalled(heard: Heard) -> None:
    # The worker of another test may run, and would take it from the usual queue
    job = Job.objects.get(pk=kinds.add.apply_async((1,), queue="nobodys").id)
    attempt = claimed(job)
    headway.cancel(job)
    headway.cancel(job)  # which changes nothing
    lease.settle(attempt, Status.CANCELLED, Traces())
    headway.retry(job)
    headway.cancel(job)
    assert told(heard) == [
        *("queued", "running", "cancelling", "cancelled", "queued", "cancelled"),
    ]
    assert [signal for signal, *_ in heard] == [SIGNALS[Status(each)] for each in told(heard)]
    assert {found.pk for _, found, _ in heard} == {job.pk}


def test_a_worker_signals_in_its_own_process_the_other_ends(heard: Heard) -> None:
    for status in (Status.SUCCEEDED, Status.FAILED):
        job = rows.queued()
        lease.settle(claimed(job), status, Traces(), result=1)
        assert heard[-1][0] is signals.job_finished
        assert (heard[-1][1].status, heard[-1][2]) == (status, status)
    job = rows.queued(max_attempts=1)
    claimed(job)
    assert lease.abandon(job.pk, "The worker disappeared")
    again = rows.queued(max_attempts=2)
    claimed(again)
    assert lease.abandon(again.pk, "The worker disappeared")
    assert told(heard)[-4:] == ["running", "lost", "running", "queued"]


def test_nothing_is_signalled_before_the_commit(heard: Heard) -> None:
    with transaction.atomic():
        kinds.add.start(a=1)
        assert heard == []
    assert told(heard) == ["queued"]
    with transaction.atomic():
        kinds.add.start(a=1)
        transaction.set_rollback(True)
    assert told(heard) == ["queued"]


def test_a_receiver_that_fails_is_logged_and_in_nobodys_way(
    heard: Heard, caplog: pytest.LogCaptureFixture
) -> None:
    def fails(**_: Any) -> None:
        raise ValueError("a receiver of the project's")

    signals.job_queued.connect(fails)
    try:
        job = kinds.add.start(a=1)
    finally:
        signals.job_queued.disconnect(fails)
    assert told(heard) == ["queued"]
    assert Job.objects.get(pk=job.pk).published_at
    assert "a receiver of the project's" in caplog.text


@pytest.mark.usefixtures("running")
def test_a_worker_signals_what_it_does(tmp_path: Any) -> None:
    ledger = tmp_path / "ledger"
    job = headway.wait(kinds.add.start(a=1, title=f"{kinds.LEDGER}{ledger}"), 60)
    lines = [f"{job.pk} {status}" for status in ("running", "succeeded")]
    from_worker = wait_until(lambda: read if (read := said(ledger))[1:] else None)
    assert from_worker == lines


def claimed(job: Job) -> Attempt:
    attempt = lease.claim(job.pk, "w")
    assert attempt is not None
    return attempt


def said(ledger: Any) -> list[str]:
    return ledger.read_text().splitlines() if ledger.exists() else []

"""The claim: one worker gets the job, whatever many messages say."""

from functools import partial

import pytest

from headway.lifecycle import lease
from headway.models import Attempt, Job
from tests.jobs import rows
from tests.jobs.threads import at_once


@pytest.mark.django_db(transaction=True)
def test_of_eight_workers_one_gets_the_job() -> None:
    for _ in range(10):
        job = rows.queued()
        claims = at_once([partial(lease.claim, job.pk, f"worker/{n}") for n in range(8)])
        won = [claim for claim in claims if isinstance(claim, Attempt)]
        assert [claim.number for claim in won] == [1]
        assert [claim for claim in claims if isinstance(claim, Exception)] == []
        assert Job.objects.get(pk=job.pk).worker == won[0].worker


@pytest.mark.django_db(transaction=True)
def test_of_eight_workers_one_takes_over_an_expired_lease() -> None:
    job, _ = rows.running(max_attempts=2, lease_until=rows.ago(1))
    claims = at_once([partial(lease.claim, job.pk, f"worker/{n}") for n in range(8)])
    assert [claim.number for claim in claims if isinstance(claim, Attempt)] == [2]
    first, second = job.attempts.all()
    assert (first.status, second.status) == ("lost", "running")


def test_a_running_job_is_not_claimed_while_its_lease_holds(db: None) -> None:
    job, _ = rows.running(max_attempts=9)
    assert lease.claim(job.pk, "other") is None


def test_an_expired_lease_without_attempts_left_is_not_claimed(db: None) -> None:
    job, _ = rows.running(max_attempts=1, lease_until=rows.ago(1))
    assert lease.claim(job.pk, "other") is None


def test_a_job_is_not_claimed_before_its_time(db: None) -> None:
    job = rows.queued(not_before=rows.ago(-60))
    assert lease.claim(job.pk, "worker") is None
    assert lease.claim(rows.changed(job, not_before=rows.ago(1)).pk, "worker") is not None


@pytest.mark.parametrize("status", ["cancelling", "succeeded", "failed", "cancelled", "lost"])
def test_a_job_that_does_not_wait_is_not_claimed(db: None, status: str) -> None:
    assert lease.claim(rows.queued(status=status).pk, "worker") is None


def test_an_unknown_job_is_not_claimed(db: None) -> None:
    job = rows.queued()
    Job.objects.all().delete()
    assert lease.claim(job.pk, "worker") is None


def test_the_lease_lasts_by_the_clock_of_the_database(db: None) -> None:
    job, _ = rows.running()
    assert job.lease_until is not None
    assert 28 < -(rows.ago(0) - job.lease_until).total_seconds() < 31


def test_a_new_attempt_begins_without_what_the_last_one_left(db: None) -> None:
    job = rows.queued(percent=40, message="old", files=["old.csv"], reason="Retried")
    lease.claim(job.pk, "worker")
    job = rows.changed(job)
    assert (job.percent, job.message, job.files, job.reason) == (None, "", [], "")

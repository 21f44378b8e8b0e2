"""What an attempt has said is kept with it however it died, though its row was never told."""

from collections.abc import Callable, Iterator

import pytest

from headway.lifecycle import actions, announce, dispatch, janitor, lease
from headway.lifecycle.log import log
from headway.models import Attempt, Job
from headway.stream import Log, Reporter
from headway.stream.record import LINES_KEPT, WARNINGS_KEPT
from tests.jobs import failing_kinds, rows
from tests.jobs.conftest import TaskWorker
from tests.jobs.waiting import ended, reload
from tests.support.processes import wait_until
from tests.support.stack import Valkey

PAST = rows.ago(5)


@pytest.fixture
def died(db: None, valkey: Valkey) -> tuple[Job, Attempt]:
    """A running job and its attempt, which has told the log how far it was and no row."""
    valkey.flush()
    job, attempt = rows.running(max_attempts=2)
    announce.state(job.pk)
    say(attempt, log())
    return job, attempt


def say(attempt: Attempt, to: Log) -> None:
    reporter = Reporter(to, str(attempt.job_id), attempt.number)
    reporter.phase("Read")
    reporter.update(26, 100, "so far")
    reporter.warn("row: 7", "is odd")
    reporter.log("the last line")
    reporter.stop()


def by_the_janitor(job: Job) -> None:
    rows.changed(job, lease_until=PAST)
    janitor.give_up_lost()


def by_the_janitor_for_good(job: Job) -> None:
    rows.changed(job, lease_until=PAST, max_attempts=1)
    janitor.give_up_lost()


def by_the_deadline_of_a_cancel(job: Job) -> None:
    rows.changed(job, status="cancelling", cancel_requested_at=rows.ago(1000))
    janitor.end_cancelled()


def by_the_next_attempt(job: Job) -> None:
    rows.changed(job, lease_until=PAST)
    assert lease.claim(job.pk, "worker@test/2")


@pytest.mark.parametrize(
    ("give_up", "status"),
    [
        (by_the_janitor, "queued"),
        (by_the_janitor_for_good, "lost"),
        (by_the_deadline_of_a_cancel, "cancelled"),
        (by_the_next_attempt, "running"),
    ],
)
def test_an_attempt_that_is_given_up_keeps_what_it_said(
    died: tuple[Job, Attempt], give_up: Callable[[Job], None], status: str
) -> None:
    job, _ = died
    give_up(job)
    assert reload(job).status == status
    assert reload(job).percent == (26 if status in ("lost", "cancelled") else None)
    assert_kept(job)


def assert_kept(job: Job, status: str = "lost") -> None:
    attempt = reload(job).attempts.get(number=1)
    assert attempt.status == status
    assert (attempt.progress["percent"], attempt.progress["message"]) == (26.0, "so far")
    assert attempt.warnings == [{"item": "row: 7", "reason": "is odd"}]
    assert [(line["n"], line["level"], line["text"]) for line in attempt.lines] == [
        (1, "warning", "row: 7: is odd"),
        (2, "info", "the last line"),
    ]
    assert [phase["name"] for phase in attempt.phases] == ["Read"]
    assert [percent for _, percent, _ in attempt.samples] == [26.0]


def test_what_the_row_knows_better_stays(died: tuple[Job, Attempt], valkey: Valkey) -> None:
    """Redis was emptied, and has only what came after."""
    job, attempt = died
    known = {"elapsed": 100, "percent": 50}
    lines = [{"n": n, "t": n, "level": "info", "text": str(n)} for n in range(1, 6)]
    samples = [[50.0, 25.0, None], [100.0, 50.0, None]]
    Attempt.objects.filter(pk=attempt.pk).update(
        progress=known, lines=lines, warnings=[{}, {}], samples=samples
    )
    by_the_janitor(job)
    kept = job.attempts.get()
    assert (kept.progress, kept.lines, kept.warnings) == (known, lines, [{}, {}])
    assert (kept.phases, kept.samples) == ([], samples)


def test_no_more_is_kept_than_of_any_attempt_and_nothing_of_another(
    died: tuple[Job, Attempt],
) -> None:
    job, _ = died
    by_the_next_attempt(job)
    second = job.attempts.get(number=2)
    reporter = Reporter(log(), str(job.pk), 2)
    for number in range(250):
        reporter.warn(number, "is odd")
    reporter.stop()
    by_the_janitor_for_good(job)
    second.refresh_from_db()
    assert [each["item"] for each in second.warnings] == [*map(str, range(WARNINGS_KEPT))]
    assert len(second.lines) == LINES_KEPT
    assert second.lines[-1]["text"] == "249: is odd"
    assert_kept(job)


def test_an_attempt_is_given_up_without_redis_too(
    died: tuple[Job, Attempt], valkey: Valkey
) -> None:
    job, _ = died
    valkey.stop()
    try:
        by_the_janitor(job)
    finally:
        valkey.start()
    assert (reload(job).status, job.attempts.get().lines) == ("queued", [])


@pytest.fixture(scope="module")
def silent(valkey: Valkey, django_db_setup: None) -> Iterator[TaskWorker]:
    """A worker that commits no progress for a long time."""
    valkey.flush()
    process = TaskWorker(JOB_LEASE="60", JOB_LEASE_RENEW="20", WORKERS="1")
    process.start()
    yield process
    process.stop()


def test_a_killed_process_leaves_what_it_said(silent: TaskWorker, transactional_db: None) -> None:
    # Celery may see only after 5 s that a process is gone: its limit must not be reached before
    started = failing_kinds.says_and_dies.apply_async(kwargs={"how": "killed"}, time_limit=60)
    job = Job.objects.get(pk=started.id)
    wait_until(lambda: job.attempts.filter(status="lost"))
    assert reload(job).status == "queued"
    assert_kept(job)
    rows.changed(job, not_before=None)
    dispatch.publish(reload(job))
    assert ended(job).result == "again"
    assert_kept(job)


def test_a_process_that_ran_out_of_time_leaves_what_it_said(
    silent: TaskWorker, transactional_db: None
) -> None:
    job = actions.start("says-and-dies", {"how": "hangs"})
    assert ended(job).status == "failed"
    assert reload(job).percent == 26
    assert_kept(job, "failed")

"""Files that a task leaves, and snapshots of what it says."""

import json

import pytest
from django.core.files.storage import default_storage

from headway.kinds import json_values
from headway.lifecycle import actions, snapshots
from headway.models import Job
from headway.stream.event import Snapshot
from tests.jobs import rows
from tests.jobs.conftest import TaskWorker
from tests.jobs.waiting import ended, until_status
from tests.support.processes import wait_until
from tests.support.stack import Valkey, processes_of_session


def content(job: Job, name: str) -> bytes:
    with default_storage.open(job.file_path(name)) as file:
        return bytes(file.read())


@pytest.mark.usefixtures("running")
def test_result_files_are_kept_under_safe_names() -> None:
    job = ended(actions.start("writes-files", {}))
    assert job.files == ["rejects_ä.csv", "raw.bin"]
    assert content(job, "rejects_ä.csv") == "größe\r\n".encode()
    assert content(job, "raw.bin") == b"\0\1"
    with pytest.raises(KeyError):
        job.file_path("../db.sqlite3")


@pytest.mark.usefixtures("running")
def test_a_failed_job_keeps_the_file_as_far_as_it_got() -> None:
    job = ended(actions.start("writes-and-fails", {}))
    assert (job.status, job.files) == ("failed", ["partial.txt"])
    assert content(job, "partial.txt") == b"as far as it got"


@pytest.mark.parametrize(
    ("how", "reason"),
    [
        ("exit", "The task called sys.exit(3)"),
        ("memory", "The worker process ran out of memory"),
        ("odd", "Something unexpected went wrong."),
    ],
)
def test_a_task_that_ends_oddly_fails_with_a_sentence_and_harms_nobody(
    running: TaskWorker, how: str, reason: str
) -> None:
    children = processes_of_session(running.pid)
    job = ended(actions.start("ends-oddly", {"how": how}))
    assert (job.status, job.reason[: len(reason)]) == ("failed", reason)
    assert "Traceback" in job.attempts.get().error
    assert ended(actions.start("add", {"a": 1})).status == "succeeded"
    assert processes_of_session(running.pid) == children


@pytest.mark.usefixtures("running")
def test_a_result_that_is_too_large_is_kept_in_a_file() -> None:
    job = ended(actions.start("ends-oddly", {"how": "large"}))
    assert (job.status, job.result, job.files) == ("failed", None, ["result.json"])
    assert job.reason.startswith(
        "The result is too large to be stored (293.0 KB, 256.0 KB at most)"
    )
    assert len(json.loads(content(job, "result.json"))) == 300_000


@pytest.mark.usefixtures("running")
def test_a_snapshot_of_a_running_job_has_its_live_motion() -> None:
    job = actions.start("steps", {"count": 60})
    until_status(job, "running")

    def moving() -> Snapshot | None:
        cursor, states = snapshots.live([job])
        now = snapshots.snapshot(Job.objects.get(pk=job.pk), states.get(str(job.pk)))
        return now if cursor and now["percent"] else None

    seen = wait_until(moving)
    assert seen is not None
    assert (seen["status"], seen["total"], seen["attempt"]) == ("running", 60, 1)
    actions.cancel(job)
    ended(job)


def test_a_snapshot_needs_no_redis(db: None, valkey: Valkey) -> None:
    job, _ = rows.running(percent=12.5, current=5, total=40, message="m", warning_count=2)
    valkey.pause()
    try:
        assert snapshots.live([job]) == (None, {})
    finally:
        valkey.resume()
    seen = snapshots.snapshot(job)
    assert seen.keys() == {
        *("job", "kind", "title", "attempt", "status", "reason", "created", "started"),
        *("finished", "result", "files", "percent", "current", "total", "message", "phase"),
        *("rate", "eta", "elapsed", "warnings", "unit", "stalled_after", "quiet", "stalled"),
    }
    assert (seen["percent"], seen["current"], seen["total"]) == (12.5, 5, 40)


def test_motion_of_an_older_attempt_is_not_shown(db: None) -> None:
    job = rows.queued(attempt=1)
    assert snapshots.snapshot(job, {"attempt": 0, "percent": 80})["percent"] is None


def test_a_queued_job_shows_no_motion_of_its_last_attempt(db: None) -> None:
    job = rows.queued(attempt=1)
    assert snapshots.snapshot(job, {"attempt": 1, "percent": 80})["percent"] is None


def test_the_state_from_the_database_wins(db: None) -> None:
    job, _ = rows.running(status="failed", percent=50, reason="broken")
    seen = snapshots.snapshot(job, {"attempt": 1, "percent": 99, "status": "running"})
    assert (seen["status"], seen["percent"], seen["reason"]) == ("failed", 50, "broken")


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        (float("nan"), None),
        ({"a": [float("inf"), 1.5]}, {"a": [None, 1.5]}),
        ("a\0b", "ab"),
        ("\ud800", "?"),
        ((1, 2), [1, 2]),
        (None, None),
    ],
)
def test_a_result_is_stored_as_every_database_can(value: object, kept: object) -> None:
    assert json_values.result(value) == kept

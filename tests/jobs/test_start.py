"""Starting a job, from the first row to its result."""

from pathlib import Path, PurePosixPath

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile

from headway import start_many
from headway.lifecycle import actions
from headway.models import Job
from tests.jobs import kinds, parameter_kinds
from tests.jobs.conftest import TaskWorker
from tests.jobs.waiting import ended, events, states
from tests.support.processes import wait_until


@pytest.mark.usefixtures("running")
def test_a_started_job_runs_and_its_result_is_kept(alice: User) -> None:
    job = actions.start("add", {"a": 40, "b": 2}, owner=alice)
    done = ended(job)
    assert (done.status, done.result, done.percent) == ("succeeded", 42, 100)
    assert (done.owner, done.title, done.attempt) == (alice, "Add two numbers", 1)
    assert done.started_at is not None
    assert done.finished_at is not None
    assert done.started_at <= done.finished_at


@pytest.mark.usefixtures("running")
def test_the_log_tells_every_state_in_order_and_ends_with_the_result() -> None:
    job = actions.start("add", {"a": 1})
    ended(job)
    wait_until(lambda: len(states(job)) == 3)
    assert states(job) == ["queued", "running", "succeeded"]
    assert events(job)[-1][1] | {"percent": 100, "result": 2} == events(job)[-1][1]


@pytest.mark.usefixtures("running")
def test_hundred_percent_is_never_reported_before_success_is_stored() -> None:
    job = actions.start("steps", {"count": 5})
    ended(job)
    wait_until(lambda: len(states(job)) == 3)
    told = [data for kind, data in events(job) if kind == "progress"]
    seen = [data["percent"] for data in told]
    assert seen == sorted(seen, key=lambda percent: percent or 0)
    assert all((each["percent"] == 100) == (each["status"] == "succeeded") for each in told)


@pytest.mark.usefixtures("running")
def test_a_failed_job_keeps_its_percent_and_a_sentence_and_hides_the_traceback() -> None:
    job = ended(actions.start("broken", {}))
    assert (job.status, job.percent) == ("failed", 50)
    assert job.reason.startswith("Something unexpected went wrong")
    attempt = job.attempts.get()
    assert "Traceback" in attempt.error
    assert attempt.progress["message"] == "half way"
    wait_until(lambda: states(job)[-1] == "failed")
    error = next(data for kind, data in events(job) if kind == "error")
    assert error == {"error": True, "job": str(job.pk), "message": job.reason}
    assert "Traceback" not in str(events(job))


def test_a_job_error_is_shown_as_it_was_written_and_is_one_line_in_the_log(
    running: TaskWorker,
) -> None:
    job = ended(actions.start("refuses", {}))
    assert job.reason == "The file is empty."
    wait_until(lambda: f"{job.pk}] raised" in running.output)
    told = running.output.partition(f"{job.pk}] raised")[2]
    assert "Traceback" not in told


@pytest.mark.usefixtures("running")
def test_a_result_that_is_not_json_fails_with_a_clear_reason() -> None:
    job = ended(actions.start("unstorable", {}))
    assert job.status == "failed"
    assert job.reason == "The task's return value cannot be stored: it is not JSON-serializable."
    assert "set is not JSON serializable" in job.attempts.get().error


@pytest.mark.usefixtures("running")
def test_delay_stores_a_job_like_any_other() -> None:
    job = ended(kinds.add.delay(3, b=4).id)
    assert (job.result, job.params) == (7, {"a": 3, "b": 4})


@pytest.mark.usefixtures("running")
def test_an_enum_parameter_arrives_as_its_member() -> None:
    started = actions.start("paint", {"colour": parameter_kinds.Colour.GREEN, "size": 2})
    assert started.params["colour"] == "green"
    assert ended(started).result == ["GREEN", 2, None, False]


@pytest.mark.usefixtures("running")
def test_a_job_started_by_a_job_belongs_to_the_same_owner(alice: User) -> None:
    first = ended(actions.start("starts-another", {}, owner=alice))
    second = ended(str(first.result))
    assert (second.owner, second.result) == (alice, 42)


@pytest.mark.usefixtures("running")
def test_an_owner_can_be_given_to_apply_async(alice: User) -> None:
    assert ended(kinds.add.apply_async((1,), owner=alice).id).owner == alice


def test_a_missing_parameter_is_named(db: None) -> None:
    with pytest.raises(actions.ActionError, match="missing a required argument: 'a'; it takes a"):
        actions.start("add", {"b": 1})


def test_an_unknown_parameter_is_named(db: None) -> None:
    with pytest.raises(actions.ActionError, match="unexpected keyword argument 'c'"):
        actions.start("add", {"a": 1, "c": 1})


@pytest.mark.parametrize("value", [{1}, float("nan"), "a\0b", "\ud800", object(), b"x", [{2: {3}}]])
def test_a_parameter_that_json_cannot_hold_is_refused(db: None, value: object) -> None:
    with pytest.raises(actions.ActionError, match="the value of 'a' cannot be used"):
        actions.start("add", {"a": value})
    assert not Job.objects.exists()


def test_an_unknown_kind_is_refused(db: None) -> None:
    with pytest.raises(actions.ActionError, match="no kind of job called 'nonsense'"):
        actions.start("nonsense", {})


@pytest.mark.parametrize(
    "name", ["漢" * 100 + ".csv", "é" * 250 + ".csv", "." + "x" * 300 + ".csv"]
)
def test_an_upload_with_a_long_name_is_stored_under_its_end(db: None, name: str) -> None:
    job = actions.start("add", {"a": SimpleUploadedFile(name, b"1,2")})
    assert default_storage.exists(job.params["a"])
    assert name.endswith(PurePosixPath(job.params["a"]).name)
    assert job.params["a"].endswith(".csv")


def test_an_upload_is_stored_under_the_job_with_a_safe_name(db: None) -> None:
    upload = SimpleUploadedFile("x.csv", b"a,b")
    vars(upload)["_name"] = "..\\..//etc/pass wd\n.csv"  # as a hostile client may send it
    job = actions.start("add", {"a": upload})
    assert job.params["a"] == f"uploads/{job.pk}/pass_wd.csv"
    with default_storage.open(job.params["a"]) as file:
        assert file.read() == b"a,b"


def test_an_upload_of_a_start_that_is_refused_is_not_kept(db: None) -> None:
    with pytest.raises(actions.ActionError):
        actions.start("add", {"a": SimpleUploadedFile("refused.csv", b"a,b"), "b": {1}})
    assert not list(Path(settings.MEDIA_ROOT).rglob("refused*"))


def test_the_worker_prints_neither_parameters_nor_results(running: TaskWorker) -> None:
    ended(actions.start("keyword-only", {"name": "secret-value"}))
    assert "secret-value" not in running.output


def test_many_that_were_started_at_once_run_and_come_in_the_order_of_the_items(
    running: TaskWorker, alice: User
) -> None:
    jobs = start_many(
        kinds.add, [{"a": number} for number in range(5)], owner=alice, title="One of five"
    )
    assert [job.params["a"] for job in jobs] == [*range(5)]
    assert [ended(job).result for job in jobs] == [number + 1 for number in range(5)]
    assert {(job.owner, job.title, job.status) for job in jobs} == {
        (alice, "One of five", "queued")
    }
    wait_until(lambda: all(len(states(job)) == 3 for job in jobs))
    assert {tuple(states(job)) for job in jobs} == {("queued", "running", "succeeded")}

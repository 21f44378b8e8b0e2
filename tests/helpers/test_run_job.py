"""`run_job` in a plain TestCase: the whole of a job's life, with no Redis, worker or thread."""

import subprocess
import sys
import textwrap
import threading
from pathlib import Path
from unittest.mock import patch

import pytest
from django.conf import settings
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import TestCase

from headway import progress
from headway.lifecycle.actions import ActionError
from headway.models import Job
from headway.testing import FakeTime, run_job
from jobs.csv_import.import_csv import import_csv
from tests.helpers import kinds


class RunningAJob(TestCase):
    def test_what_a_task_says_and_returns_can_be_asserted(self) -> None:
        before = {each.name for each in threading.enumerate()}
        run = run_job(kinds.invoices_to_send, count=3)
        assert {each.name for each in threading.enumerate()} <= before
        assert (run.status, run.result, run.percent) == ("succeeded", {"sent": 3}, 100)
        assert run.messages == ["Reading the list", "Sending them"]
        assert run.phases == ["Reading", "Sending"]
        assert run.lines == ["All sent", "7: no e-mail"]
        assert run.warnings == [{"item": "7", "reason": "no e-mail"}]
        assert (run.output, run.checkpoint) == ("0;1;2;", 3)
        assert run.files == {"sent.csv": b"0\n1\n2\n"}
        assert (run.error, run.exception, run.reason) == ("", None, "")
        percents = [each["percent"] for each in run.reports if each["percent"] is not None]
        assert percents == sorted(percents)
        assert percents[-1] == 99.9

    def test_it_begins_where_a_checkpoint_says(self) -> None:
        run = run_job(kinds.invoices_to_send, count=5, restored=3)
        assert (run.result, run.output, run.job.attempt) == ({"sent": 2}, "3;4;", 2)
        assert run.checkpoint == 5

    def test_a_sentence_for_users_is_the_reason(self) -> None:
        run = run_job(kinds.invoices_to_send, count=3, refuse=1)
        assert (run.status, run.reason) == ("failed", "Invoice 1 has no address.")
        assert "JobError" in run.error
        assert run.files == {"sent.csv": b"0\n"}
        assert str(run.exception) == "Invoice 1 has no address."

    def test_any_other_error_is_in_the_traceback_alone_and_without_secrets(self) -> None:
        run = run_job(kinds.breaks, password="correct horse")
        assert run.status == "failed"
        assert "RuntimeError" in run.error
        assert "RuntimeError" not in run.reason
        assert "correct horse" not in run.error + str(run.exception)

    def test_a_cancel_at_a_given_point_stops_it_there(self) -> None:
        run = run_job(kinds.invoices_to_send, count=9, cancel_at=lambda bar: bar["current"] == 4)
        assert (run.status, run.output, run.checkpoint) == ("cancelled", "0;1;2;3;", 4)
        assert run.files == {"sent.csv": b"0\n1\n2\n3\n"}

    def test_a_task_that_looks_returns_a_partial_result(self) -> None:
        run = run_job(kinds.stops_by_itself, count=9, cancel_at=4)
        assert (run.status, run.result) == ("cancelled", {"done": 4})

    def test_rate_and_eta_are_those_of_a_clock_that_tests_move(self) -> None:
        clock = FakeTime()
        with patch("tests.helpers.kinds.time.sleep", clock.sleep):
            run = run_job(kinds.invoices_to_send, count=100, pause=2.0, clock=clock)
        at_half = next(each for each in run.reports if each["current"] == 50)
        assert (at_half["rate"], at_half["eta"], at_half["elapsed"]) == (0.5, 100, 100.0)

    def test_a_retry_leaves_the_job_queued(self) -> None:
        run = run_job(kinds.flaky_fetch, failures=1)
        assert run.status == "queued"
        assert run.reason.startswith("Retry 1")

    def test_parameters_are_checked_as_at_every_start(self) -> None:
        with pytest.raises(ActionError):
            run_job(kinds.invoices_to_send, amount=3)

    def test_an_upload_is_stored_for_it_and_deleted_again(self) -> None:
        run = run_job(import_csv, file=SimpleUploadedFile("people.csv", b"name,age\nAnn,41\nBob\n"))
        assert run.status == "succeeded"
        assert list(run.files) == ["rejects.csv"]
        assert not default_storage.exists(run.job.params["file"])

    def test_afterwards_progress_does_nothing_again(self) -> None:
        run_job(kinds.invoices_to_send, {"count": 1})
        assert progress.job is None
        assert Job.objects.count() == 1


def test_the_fixtures_come_with_the_package(tmp_path: Path) -> None:
    test = tmp_path / "test_theirs.py"
    test.write_text(
        textwrap.dedent(
            """
            from unittest.mock import patch

            from tests.helpers import kinds

            def test_theirs(run_job, fake_time):
                with patch("time.sleep", fake_time.sleep):
                    run = run_job(kinds.invoices_to_send, count=10, pause=1.0, clock=fake_time)
                assert run.reports[-1]["elapsed"] == 10.0
            """
        )
    )
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-n",
        "0",
        "--no-cov",
        "-q",
        "--rootdir=.",
        "--no-migrations",
    ]
    done = subprocess.run(
        [*command, "-p", "headway.pytest_plugin", str(test)],
        cwd=settings.BASE_DIR,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr

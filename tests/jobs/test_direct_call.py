"""A task called like a function is a function: no worker, no Redis, no rows."""

import os
import subprocess
import sys

import pytest
from django.conf import settings

from headway import JobError, progress
from headway.models import Job
from tests.jobs import failing_kinds, kinds


def test_a_direct_call_returns_what_the_function_returns(db: None) -> None:
    assert kinds.add(2, b=3) == 5
    assert kinds.steps(3, pause=0) == 3
    assert not Job.objects.exists()


def test_a_direct_call_raises_what_the_function_raises() -> None:
    with pytest.raises(JobError, match="The file is empty"):
        failing_kinds.refuses()


def test_a_bound_task_that_is_called_has_itself() -> None:
    assert failing_kinds.flaky(0) == 0


def test_apply_runs_it_here_as_celery_does() -> None:
    assert kinds.add.apply((1, 2)).get() == 3


def test_progress_outside_of_a_worker_is_harmless() -> None:
    assert list(progress.track([1, 2], message="x")) == [1, 2]
    progress.update(1, 2, "x")
    progress.advance()
    progress.phase("one", 0.5)
    progress.log("x")
    progress.warn("x", "y")
    progress.output("x")
    progress.checkpoint(1)
    assert progress.cancelled is False
    assert progress.restored is None
    with progress.result_file("x.bin", mode="wb") as file:
        file.write(b"x")
    kinds.writes_files()


def test_a_mode_that_is_not_for_results_is_refused() -> None:
    with pytest.raises(ValueError, match="not 'a'"), progress.result_file("x", mode="a"):
        pass


def test_a_direct_call_needs_neither_redis_nor_a_migrated_database(tmp_path: str) -> None:
    code = "import django; django.setup(); from tests.jobs import kinds; print(kinds.steps(2, 0))"
    environment = os.environ | {
        "REDIS_URL": "redis://127.0.0.1:1",
        "DATABASE_URL": f"sqlite:///{tmp_path}/empty.sqlite3",
    }
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=settings.BASE_DIR,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stdout, done.stderr) == ("2\n", "")

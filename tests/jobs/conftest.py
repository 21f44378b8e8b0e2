"""A worker that also knows the tests' own tasks."""

from collections.abc import Iterator

import pytest
from pytest_django import Settings

from headway.models import Job
from tests.jobs import kinds, private_kinds
from tests.jobs.notified import receiver as receiver
from tests.jobs.notified import wanted as wanted
from tests.support.stack import PROCFILE, Valkey, Worker, with_short_lease


class TaskWorker(Worker):
    """The Procfile's worker, with the tasks of the tests."""

    def __init__(self, **environment: str) -> None:
        super().__init__(**environment)
        tasks = f"{kinds.__name__},{private_kinds.__name__}"
        self.command = ["/bin/sh", "-c", f"{PROCFILE['worker']} --include {tasks}"]


@pytest.fixture(scope="module")
def task_worker(valkey: Valkey, django_db_setup: None) -> Iterator[TaskWorker]:
    """A worker for all tests of a module, with a short lease. Needs `transactional_db`."""
    del django_db_setup
    with with_short_lease(TaskWorker, valkey) as process:
        yield process


@pytest.fixture
def running(task_worker: TaskWorker, transactional_db: None) -> Iterator[TaskWorker]:
    """The module's worker over an empty database; fails when a test leaves a job running."""
    del transactional_db
    yield task_worker
    left = [str(job) for job in Job.objects.filter(status__in=("running", "cancelling"))]
    assert not left, f"these still run: {left}"


@pytest.fixture
def unlimited(settings: Settings) -> None:
    """All jobs are with the broker at once: nobody waits for a turn."""
    settings.HEADWAY = settings.HEADWAY | {"JOB_MAX_PUBLISHED_PER_USER": 0}


@pytest.fixture
def empty(valkey: Valkey, transactional_db: None) -> Valkey:
    """Valkey with nothing in it."""
    del transactional_db
    valkey.flush()
    return valkey

"""A worker with tasks that are not ours."""

from collections.abc import Iterator

import pytest

from tests.helpers import theirs, tutorial
from tests.support.stack import PROCFILE, Valkey, Worker, with_short_lease


class TheirWorker(Worker):
    """The Procfile's worker, which also knows the tasks of somebody else."""

    def __init__(self, **environment: str) -> None:
        super().__init__(**environment)
        command = f"{PROCFILE['worker']} --include {theirs.__name__},{tutorial.__name__}"
        self.command = ["/bin/sh", "-c", command]


@pytest.fixture(scope="module")
def their_worker(valkey: Valkey, django_db_setup: None) -> Iterator[TheirWorker]:
    """A worker for all tests of a module, with a short lease. Needs `transactional_db`."""
    del django_db_setup
    with with_short_lease(TheirWorker, valkey) as process:
        yield process

"""An import is interrupted again and again. Faults F9, F15 and F16."""

import os
import random
import signal
from collections.abc import Iterator

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage

from headway.lifecycle import actions
from headway.models import Job
from jobs.models import ImportedRow
from tests.faults.crew import Crew, deploy
from tests.jobs.waiting import ended, reload, until_status
from tests.support.processes import wait_until
from tests.support.stack import Valkey

pytestmark = pytest.mark.usefixtures("transactional_db", "janitor")
LEASE = {"JOB_LEASE": "30", "JOB_LEASE_RENEW": "10"}
SWEEPER = LEASE
ROWS = 60_000
"""So many that ten thousand in a second do not come to the end between the interruptions."""


@pytest.fixture(scope="module")
def crew_of_all(valkey: Valkey, django_db_setup: None) -> Iterator[Crew]:
    """A worker that ends soon after it is told to."""
    valkey.flush()
    process = Crew("tests.faults.short_grace", **LEASE)
    process.start()
    yield process
    process.stop()


def test_an_import_that_is_killed_anywhere_stores_every_row_once(crew: Crew) -> None:
    """F9, F15, F16: at random moments its worker is told to end or killed, or only its process."""
    lines = (f"{number},name {number}" for number in range(ROWS))
    name = default_storage.save("uploads/f.csv", ContentFile("\n".join(["id,name", *lines])))
    chance = random.Random(22)
    job = actions.start("import-csv", {"file": name})
    for how in (signal.SIGTERM, signal.SIGKILL, signal.SIGTERM, signal.SIGKILL):
        _await_rows(job, chance.randint(1, 3) * 1000)
        if how == signal.SIGTERM:
            deploy(crew)
        else:
            os.kill(int(reload(job).worker.rpartition("/")[2]), how)
    done = ended(job)
    assert done.status == "succeeded"
    assert done.attempt == 5
    assert done.result is not None
    assert done.result["rows"] == ROWS
    lines_stored = ImportedRow.objects.filter(job=job).values_list("line", flat=True)
    assert sorted(lines_stored) == list(range(2, ROWS + 2))


def _await_rows(job: Job, more: int) -> None:
    """Waits until the running attempt has stored so many more rows."""
    until_status(job, "running")
    wanted = ImportedRow.objects.filter(job=job).count() + more
    wait_until(lambda: ImportedRow.objects.filter(job=job).count() >= wanted, every=0.01)

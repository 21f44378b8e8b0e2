"""The worker and the janitor of a module, with what its `CREW` and `SWEEPER` change of their
environment."""

from collections.abc import Iterator

import pytest

from tests.faults.crew import Crew, Sweeper
from tests.support.stack import Valkey


@pytest.fixture(scope="module")
def janitor(
    request: pytest.FixtureRequest, valkey: Valkey, django_db_setup: None
) -> Iterator[Sweeper]:
    """The janitor of all tests of a module."""
    process = Sweeper(**getattr(request.module, "SWEEPER", {}))
    process.start()
    yield process
    process.stop()


@pytest.fixture(scope="module")
def crew_of_all(
    request: pytest.FixtureRequest, valkey: Valkey, django_db_setup: None
) -> Iterator[Crew]:
    """The worker of all tests of a module."""
    valkey.flush()
    process = Crew(**getattr(request.module, "CREW", {}))
    process.start()
    yield process
    process.stop()


@pytest.fixture
def crew(crew_of_all: Crew, valkey: Valkey, transactional_db: None) -> Iterator[Crew]:
    """That worker, alive, with an empty queue and a Valkey that answers, also after the test."""
    del transactional_db
    valkey.flush()
    if not crew_of_all.running:
        crew_of_all.start()
    yield crew_of_all
    if valkey.running:
        valkey.resume()
    else:
        valkey.start()

"""The worker, the janitor and the site of a module; what its `CREW` and `SWEEPER` say is in the
environment of the first two."""

from collections.abc import Iterator

import pytest
from django.contrib.auth.models import User

from headway.web import tokens
from tests.faults.crew import Crew, Sweeper
from tests.support.stack import Valkey, Web


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


@pytest.fixture
def site(web: Web, transactional_db: None) -> Web:
    """The web process of a module, which it makes itself, alive."""
    del transactional_db
    if not web.running:
        web.start()
    return web


@pytest.fixture
def token(site: Web, alice: User) -> str:
    """A token of Alice's at that site."""
    del site
    return tokens.issue(alice)[1]

"""Jobs whose logs the tests write, on each server that the WebSocket runs on."""

from collections.abc import Iterator

import pytest
from django.contrib.auth.models import User

from headway.lifecycle import announce
from headway.models import Job
from headway.web import tokens
from tests.support.servers import Serve, Uvicorn
from tests.support.stack import Web
from tests.ws.client import Client


@pytest.fixture(scope="module", params=[Web, Uvicorn])
def server(request: pytest.FixtureRequest) -> type[Web]:
    """Each that a module has nothing else to say about."""
    found: type[Web] = request.param
    return found


@pytest.fixture(scope="module")
def web(server: type[Web], serve: Serve) -> Web:
    """A server of the class that the module's `server` names, with narrow limits."""
    limits = {"STREAM_MAX_PER_USER": "8", "STREAM_MAX_BYTES": "1000000", "STREAM_RECHECK": "1"}
    return serve(server, **limits, CORS_ALLOWED_ORIGINS="https://friend.example")


@pytest.fixture
def token(transactional_db: None, alice: User) -> str:
    """Of Alice's."""
    del transactional_db
    return tokens.issue(alice)[1]


@pytest.fixture
def client(web: Web, token: str) -> Iterator[Client]:
    """Alice's connection."""
    with Client(web.url, bearer=token) as connected:
        yield connected


@pytest.fixture
def bobs(web: Web, transactional_db: None, bob: User) -> Iterator[Client]:
    """Bob's connection."""
    del transactional_db
    with Client(web.url, bearer=tokens.issue(bob)[1]) as connected:
        yield connected


@pytest.fixture
def job(transactional_db: None, alice: User) -> Job:
    """Alice's, queued, of which no worker is told."""
    del transactional_db
    return make_job(alice)


def make_job(owner: User) -> Job:
    made = Job.objects.create(kind="simulate", title="Simulate", owner=owner)
    announce.created(made)
    return made

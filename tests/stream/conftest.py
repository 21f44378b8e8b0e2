"""What the engine's tests share: a log, a job of its own for each test, and a view of entries."""

import json
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest

from headway.stream import Event, Hub, Limits, Log, Reporter, keys
from tests.stream.handing import said as said
from tests.stream.handing import start as start
from tests.stream.serving import Site
from tests.stream.streams import Database, MakeHub
from tests.stream.viewers import crowd as crowd
from tests.support.scripted import blank as blank
from tests.support.scripted import server as server
from tests.support.stack import Valkey


@pytest.fixture
def log(valkey: Valkey) -> Iterator[Log]:
    opened = Log(valkey.url, maxlen=100, ttl=60)
    yield opened
    opened.close()


@pytest.fixture
def job() -> str:
    return str(uuid.uuid4())


def state(job: str, status: str, attempt: int = 1, *, final: bool = False) -> Event:
    return Event("state", {"job": job, "attempt": attempt, "status": status}, final)


def progress(job: str, percent: float, attempt: int = 1) -> Event:
    return Event("progress", {"job": job, "attempt": attempt, "percent": percent})


def written(valkey: Valkey, job: str) -> list[tuple[str, dict[str, Any]]]:
    """(event name, data) of every entry of a job's log."""
    with valkey.client() as client:
        frames = [fields[b"f"].decode() for _, fields in client.xrange(keys.log(job))]
    found = []
    for frame in frames:
        _, event, data = frame.strip().split("\n")
        found.append((event.removeprefix("event: "), json.loads(data.removeprefix("data: "))))
    return found


Written = Callable[[], list[tuple[str, dict[str, Any]]]]


@pytest.fixture
def entries(valkey: Valkey, job: str) -> Written:
    """What `written` tells of this test's job."""
    return lambda: written(valkey, job)


@pytest.fixture
def reporter(log: Log, job: str) -> Iterator[Reporter]:
    """Of the job's first attempt, and started."""
    started = Reporter(log, job, 1)
    started.start()
    yield started
    started.stop()


@pytest.fixture
def database() -> Database:
    return Database()


@pytest.fixture
async def make_hub(valkey: Valkey, database: Database) -> AsyncIterator[MakeHub]:
    opened: list[Hub] = []

    def make(**limits: Any) -> Hub:
        opened.append(Hub(valkey.url, database.recover, database.members, Limits(**limits)))
        return opened[-1]

    yield make
    for hub in opened:
        await hub.close()


@pytest.fixture
def hub(make_hub: MakeHub) -> Hub:
    return make_hub()


@pytest.fixture
def site(hub: Hub, log: Log, job: str) -> Site:
    """An application of nothing but streams of the test's job."""
    log.append(job, state(job, "queued", 0), attempt=0, created=True)
    return Site(hub, job)

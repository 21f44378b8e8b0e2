"""A job of Alice's that moves when a test says so, and programs with her token."""

from collections.abc import Iterator

import httpx
import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from headway.lifecycle import announce
from headway.lifecycle.log import log
from headway.models import Job, Status
from headway.stream import Event, keys
from headway.stream.event import MOTION
from headway.web import tokens
from tests.support.patience import PATIENCE
from tests.support.scripted import blank as blank
from tests.support.scripted import server as server
from tests.support.stack import Valkey, Web, wait_until


class Moving:
    """A running job without a worker, whose events the test appends."""

    def __init__(self, owner: User, valkey: Valkey) -> None:
        now = timezone.now()
        self.job = Job.objects.create(
            kind="simulate",
            title="Simulate",
            owner=owner,
            status=Status.RUNNING,
            attempt=1,
            started_at=now,
        )
        self.path = f"/jobs/{self.job.pk}/"
        self._valkey = valkey
        announce.created(self.job)

    def move(self, percent: float) -> None:
        """Reports progress."""
        known = dict.fromkeys(MOTION) | {"percent": percent, "message": "", "warnings": 0}
        self._append(Event("progress", {"job": str(self.job.pk), "attempt": 1, **known}))

    def say(self, text: str) -> None:
        """Writes a line."""
        data = {"job": str(self.job.pk), "attempt": 1, "text": text}
        self._append(Event("log", data))

    def end(self) -> None:
        """Succeeds."""
        self.job.status, self.job.finished_at = Status.SUCCEEDED, timezone.now()
        self.job.save()
        announce.state(self.job.pk)

    def wait_for_watchers(self, number: int = 1) -> None:
        """Until so many processes listen to this job."""
        channel = keys.live(str(self.job.pk))
        with self._valkey.client() as client:
            wait_until(lambda: dict(client.pubsub_numsub(channel))[channel.encode()] == number)

    def _append(self, event: Event) -> None:
        assert log().append(str(self.job.pk), event, attempt=1).number


@pytest.fixture
def moving(transactional_db: None, alice: User, valkey: Valkey) -> Moving:
    """A running job of Alice's."""
    del transactional_db
    return Moving(alice, valkey)


@pytest.fixture
def token(transactional_db: None, alice: User) -> str:
    """Of Alice's."""
    del transactional_db
    return tokens.issue(alice)[1]


@pytest.fixture
def program(web: Web, token: str) -> Iterator[httpx.Client]:
    """A program with Alice's token."""
    headers = {"Authorization": f"Bearer {token}"}
    limits = httpx.Limits(max_connections=100)
    with httpx.Client(base_url=web.url, headers=headers, limits=limits, timeout=PATIENCE) as client:
        yield client

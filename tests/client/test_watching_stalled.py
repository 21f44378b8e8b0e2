"""A job that stands still, as terminals show it: here, and from another installation."""

import io
from itertools import islice
from typing import Any

import pytest
from django.contrib.auth.models import User

from headway.lifecycle import snapshots
from headway.lifecycle.log import log
from headway.models import Job, Status
from headway.ops import terminal, watch
from headway.stream import Event
from headway.web import tokens
from tests.support.servers import Serve
from tests.support.snapshots import shown
from tests.support.stack import Web

pytestmark = pytest.mark.django_db(transaction=True)
FIRST = 200
"""Snapshots within which a stall must be seen."""


@pytest.fixture(scope="module")
def web(serve: Serve) -> Web:
    """A web process before which jobs stall at once."""
    return serve(Web, JOB_STALLED_AFTER="1", STREAM_KEEPALIVE="1")


@pytest.fixture
def job(web: Web, alice: User, settings: Any) -> Job:
    """A running job of Alice's."""
    del web
    settings.HEADWAY = settings.HEADWAY | {"JOB_STALLED_AFTER": 1}
    job = Job.objects.create(
        kind="simulate", title="Simulate", owner=alice, status=Status.RUNNING, attempt=1
    )
    log().append(str(job.pk), Event("state", snapshots.state(job)), attempt=1, created=True)
    return job


@pytest.mark.parametrize("where", ["here", "elsewhere"])
def test_a_stall_is_seen_and_its_end(job: Job, web: Web, alice: User, where: str) -> None:
    _, token = tokens.issue(alice)
    source = (
        watch.here([job.pk])
        if where == "here"
        else watch.elsewhere(f"{web.url}/jobs", [job.pk], token)
    )
    assert (next(each for each in islice(source, FIRST) if each["stalled"])["quiet"] or 0) > 1
    log().append(str(job.pk), Event("log", {"job": str(job.pk), "text": "moves"}), attempt=1)
    assert (next(each for each in islice(source, FIRST) if not each["stalled"])["quiet"] or 0) < 1


def test_a_line_says_since_when() -> None:
    stalled = [shown(stalled=quiet > 120, quiet=quiet) for quiet in (3, 250, 260, 1)]
    out = io.StringIO()
    terminal.draw(stalled, out)
    assert out.getvalue().splitlines() == [
        "x 12345678 running",
        "x 12345678 running  No progress for 4 min",
        "x 12345678 running",
    ]

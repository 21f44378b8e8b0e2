"""Somebody who wants to be told by a webhook, and jobs whose end is to be told."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db.models.functions import Now
from pytest_django import Settings

from headway.lifecycle import lease, outbox
from headway.lifecycle.traces import Traces
from headway.models import Job, Notice, Status
from tests.jobs import rows
from tests.support.receiver import Receiver
from tests.support.stack import Valkey


@pytest.fixture
def receiver(settings: Settings) -> Iterator[Receiver]:
    """A receiver to which the site may send."""
    settings.HEADWAY = settings.HEADWAY | {
        "WEBHOOK_HOSTS": ["127.0.0.1", "hook.test"],
        "NOTICES": ["email", "webhook"],
        "SITE_URL": "https://jobs.example.com",
        "NOTICE_MAX_TRIES": 3,
    }
    with Receiver() as server:
        yield server


@pytest.fixture
def wanted(valkey: Valkey, transactional_db: None, alice: User, receiver: Receiver) -> User:
    """Alice, who wants webhooks."""
    del transactional_db
    valkey.flush()
    outbox.choose(alice.pk, {"webhook_url": receiver.url})
    return alice


def ended(owner: User, status: Status = Status.SUCCEEDED, **columns: Any) -> Job:
    """A job whose owner wants to be told, and which has ended."""
    job, attempt = rows.running(**{"owner": owner, "notify": True} | columns)
    assert lease.settle(attempt, status, Traces(), reason="secret", result="secret")
    return rows.changed(job)


def due() -> None:
    """The time of all next tries has come."""
    Notice.objects.exclude(due_at=None).update(due_at=Now())

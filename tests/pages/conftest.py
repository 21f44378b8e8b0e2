"""People at their browsers, and jobs in every state for them to look at."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from headway.models import HELD, TERMINAL, Attempt, Job, Status
from tests.support.stack import Valkey

MakeJob = Callable[..., Job]


@pytest.fixture(autouse=True)
def _real_redis(valkey: Valkey) -> None:
    """Every page reads Redis."""
    valkey.flush()


def client_of(user: User) -> Client:
    """A browser in which `user` is signed in."""
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def alices(alice: User) -> Client:
    """Alice's browser."""
    return client_of(alice)


@pytest.fixture
def bobs(bob: User) -> Client:
    """Bob's browser."""
    return client_of(bob)


@pytest.fixture
def staffs(boss: User) -> Client:
    """The browser of a member of staff."""
    return client_of(boss)


@pytest.fixture
def make_job(alice: User) -> MakeJob:
    """Makes a job of Alice's, by default a running one, with its newest attempt."""

    def make(status: Status = Status.RUNNING, **fields: Any) -> Job:
        now = timezone.now()
        begun = status in HELD | TERMINAL
        job = Job.objects.create(
            **{
                "kind": "simulate",
                "title": "Simulate",
                "owner": alice,
                "params": {"seconds": 20},
                "queue": "celery",
                "status": status,
                "attempt": 1 if begun else 0,
                "published_at": now,
                "started_at": now if begun else None,
                "finished_at": now if status in TERMINAL else None,
                "percent": 42.5 if begun else None,
                "current": 85 if begun else None,
                "total": 200 if begun else None,
            }
            | fields
        )
        for number in range(1, job.attempt + 1):
            state = status if number == job.attempt else Status.FAILED
            Attempt.objects.create(job=job, number=number, status=state, started_at=now)
        return job

    return make

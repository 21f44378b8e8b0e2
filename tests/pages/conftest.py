"""People at their browsers, and jobs in every state for them to look at."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from headway import job_task
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


@pytest.fixture(scope="module")
def thousand_kinds() -> Iterator[list[str]]:
    """The names of 1,000 kinds more, with parameters and a description each."""

    def work(path: str, limit: int = 10) -> None:
        """Works on what is at a path, up to a limit."""

    tasks = [
        job_task(title=f"Work {n}", kind=f"work-{n}", name=f"tests.work_{n}")(work)
        for n in range(1000)
    ]
    yield [task.job_kind for task in tasks]
    for task in tasks:
        task.app.tasks.unregister(task.name)

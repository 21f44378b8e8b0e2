"""Turns between owners: one who starts many jobs keeps no other waiting behind all of them, and
whatever dies, no job waits for a turn that never comes."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.db.models import F
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries, Settings

from headway.lifecycle import actions, bulk, dispatch, janitor, lease, many, turns
from headway.lifecycle.queue import OTHERS_OF_OWNER, why_queued
from headway.models import Job, Status
from tests.jobs import kinds, rows
from tests.jobs.conftest import TaskWorker
from tests.jobs.waiting import ended, reload, states
from tests.support.processes import wait_until
from tests.support.stack import Valkey, with_short_lease

assert kinds


@pytest.fixture
def empty(valkey: Valkey, transactional_db: None, settings: Settings) -> Valkey:
    """Valkey with nothing in it, and two of each user's jobs with the broker at a time."""
    del transactional_db
    settings.HEADWAY = settings.HEADWAY | {"JOB_MAX_PUBLISHED_PER_USER": 2}
    valkey.flush()
    return valkey


@pytest.fixture
def task_worker(valkey: Valkey, transactional_db: None) -> Iterator[TaskWorker]:
    """For the one test that wants it: in all others nobody may take a message."""
    del transactional_db
    with with_short_lease(TaskWorker, valkey) as process:
        yield process


def messages() -> int:
    return dispatch.depth("celery") or 0


def starts(count: int, owner: User | None = None, **options: Any) -> list[Job]:
    return [actions.start("add", {"a": 1}, owner=owner, **options) for _ in range(count)]


def published(jobs: list[Job]) -> list[bool]:
    return [reload(job).published_at is not None for job in jobs]


@pytest.mark.usefixtures("empty")
def test_of_each_owner_only_the_first_are_sent(alice: User, bob: User) -> None:
    hers, his, nobodys = starts(5, alice), starts(1, bob), starts(3)
    assert published(hers) == [True, True, False, False, False]
    assert (published(his), published(nobodys)) == ([True], [True, True, False])
    assert messages() == 5
    assert why_queued(reload(hers[2])) == OTHERS_OF_OWNER
    assert states(hers[2]) == ["queued"]  # her pages know of it


@pytest.mark.usefixtures("empty")
def test_many_at_once_and_retries_stand_in_the_same_line(alice: User) -> None:
    jobs = many.start("add", [{"a": number} for number in range(150)], owner=alice)
    assert published(jobs) == [True, True] + [False] * 148
    assert {tuple(states(job)) for job in jobs} == {("queued",)}
    failed = rows.queued(owner=alice, status=Status.FAILED, created_at=timezone.now())
    actions.retry(failed)
    assert messages() == 2
    assert why_queued(reload(failed)) == OTHERS_OF_OWNER


@pytest.mark.usefixtures("empty")
def test_each_queue_has_a_line_of_its_own_and_so_have_jobs_for_later(alice: User) -> None:
    starts(2, alice)
    (other,) = starts(1, alice, options={"queue": "slow"})
    later = starts(3, alice, options={"countdown": 30})
    assert published([other, *later]) == [True, True, True, False]
    rows.changed(later[0], not_before=rows.ago(1))
    assert why_queued(reload(later[2])).startswith("Starts in")


@pytest.mark.usefixtures("empty")
def test_jobs_that_cannot_run_take_nobodys_turn(alice: User) -> None:
    for columns in ({"kind": "of-a-newer-version"}, {"max_attempts": 0}):
        for _ in range(2):
            rows.queued(owner=alice, created_at=rows.ago(60), **columns)
    assert published(starts(3, alice)) == [True, True, False]


@pytest.mark.usefixtures("empty")
def test_the_janitor_gives_the_turns_that_a_process_that_died_did_not(
    alice: User, bob: User
) -> None:
    hers, his = starts(5, alice), starts(2, bob)
    gone = [job.pk for job in (*hers[:2], *his)]  # a worker took these, and died at once
    Job.objects.filter(pk__in=gone).update(status=Status.LOST)
    Job.objects.update(created_at=F("created_at") - timedelta(seconds=10))
    janitor.publish_forgotten()
    assert published(hers) == [True, True, True, True, False]
    janitor.publish_forgotten()
    assert published(hers)[4] is False
    assert messages() == 6


@pytest.mark.usefixtures("empty")
def test_a_message_that_no_broker_takes_holds_up_its_owner_for_one_sweep(alice: User) -> None:
    age, odd = rows.ago(20), {"serializer": "unheard of"}
    refused = [
        rows.queued(owner=alice, published_at=None, created_at=age, options=odd) for _ in range(2)
    ]
    job = rows.queued(owner=alice, published_at=None)
    janitor.publish_forgotten()
    janitor.publish_forgotten()
    assert published([*refused, job]) == [False, False, True]


def test_a_broker_that_is_away_leaves_no_turn_taken(empty: Valkey, alice: User) -> None:
    empty.kill()
    jobs = starts(1, alice)
    assert published(jobs) == [False]
    empty.start()
    empty.flush()
    rows.changed(jobs[0], created_at=rows.ago(10))
    janitor.publish_forgotten()
    assert (published(jobs), messages()) == ([True], 1)


@pytest.mark.usefixtures("empty")
def test_one_user_may_be_kept_from_all_workers(alice: User, settings: Settings) -> None:
    limits = {"JOB_MAX_RUNNING_PER_USER": 3, "JOB_MAX_PUBLISHED_PER_USER": 2}
    settings.HEADWAY = settings.HEADWAY | limits
    jobs = starts(6, alice)
    attempts = []
    for number, sent in enumerate((3, 3, 3)):
        attempts.append(lease.claim(jobs[number].pk, "worker@test/1"))
        dispatch.publish_following(jobs[number])
        assert published(jobs).count(True) == sent
    assert attempts[0] is not None
    rows.changed(jobs[0], status=Status.SUCCEEDED)
    dispatch.publish_following(str(jobs[0].pk))
    assert published(jobs).count(True) == 4
    settings.HEADWAY = settings.HEADWAY | {"JOB_MAX_PUBLISHED_PER_USER": 0}
    rows.changed(jobs[1], status=Status.SUCCEEDED)
    dispatch.publish_following(jobs[1])
    assert published(jobs).count(True) == 5


@pytest.mark.usefixtures("empty")
def test_what_is_for_later_or_begins_just_now_does_not_exceed_the_limit(
    alice: User, settings: Settings
) -> None:
    """Between the two queries that tell whose turn it is, a worker begins the first job."""
    limits = {"JOB_MAX_RUNNING_PER_USER": 1, "JOB_MAX_PUBLISHED_PER_USER": 0}
    settings.HEADWAY = settings.HEADWAY | limits
    (first,), (later,) = starts(1, alice), starts(1, alice, options={"countdown": 30})
    assert published([first, later]) == [True, False]
    second = rows.queued(owner=alice, published_at=None, created_at=timezone.now())
    queries = iter(range(2))

    def claim(execute: Callable[..., Any], *query: Any) -> Any:
        if next(queries, None) == 1:
            assert lease.claim(first.pk, "worker@test/1")
        return execute(*query)

    with connection.execute_wrapper(claim):
        assert turns.of([second]) == set()
    rows.changed(first, status=Status.SUCCEEDED)
    dispatch.publish_following(first)
    assert published([later, second]) == [False, True]


@pytest.mark.usefixtures("empty")
def test_what_cancels_many_does_not_wait_until_they_have_run(
    alice: User, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk, "UNDO", 0)
    settings.HEADWAY = settings.HEADWAY | {"JOB_MAX_RUNNING_PER_USER": 1}
    jobs = starts(3, alice)
    assert lease.claim(jobs[0].pk, "worker@test/1")
    acts = bulk.Selection(ids=[str(job.pk) for job in jobs])
    several = [bulk.start("cancel", acts, alice) for _ in range(3)]
    assert published([*jobs, *several]) == [True, False, False, True, False, False]
    assert lease.claim(several[0].pk, "worker@test/1")
    dispatch.publish_following(several[0])
    assert published(several) == [True, True, False]
    rows.changed(several[1], status=Status.CANCELLED, created_at=rows.ago(20))
    rows.changed(several[2], created_at=rows.ago(20))
    janitor.publish_forgotten()
    assert published([*jobs, *several]) == [True, False, False, True, True, True]


@pytest.mark.usefixtures("empty")
def test_without_a_limit_all_are_sent_at_once(
    alice: User, settings: Settings, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    settings.HEADWAY = settings.HEADWAY | {"JOB_MAX_PUBLISHED_PER_USER": 0}
    assert all(published(starts(4, alice)))
    forgotten = [rows.queued(owner=alice, published_at=None) for _ in range(4)]
    with django_assert_num_queries(0):
        dispatch.publish_following(forgotten[0])
    janitor.publish_forgotten()
    assert all(published(forgotten))


def test_anothers_first_job_waits_for_as_many_as_have_a_turn(
    running: TaskWorker, alice: User, bob: User
) -> None:
    """With two processes: two of hers run and two are with the broker, whatever she has started.
    One more may have begun while his was on its way from the broker to its row."""
    del running
    hers = kinds.deaf.start_many([{"seconds": 0.3}] * 24, owner=alice)
    wait_until(lambda: reload(hers[3]).started_at)
    his = kinds.add.start(a=1, owner=bob)
    done = ended(his)
    assert done.started_at is not None
    before = Job.objects.filter(owner=alice, started_at__gt=done.created_at)
    assert before.filter(started_at__lt=done.started_at).count() <= 3
    actions.cancel(reload(hers[20]))  # what it had to wait for, or its message, holds up nobody
    assert [ended(job).status for job in hers] == [
        "cancelled" if job == hers[20] else "succeeded" for job in hers
    ]
    assert {reload(job).attempt for job in hers} == {0, 1}

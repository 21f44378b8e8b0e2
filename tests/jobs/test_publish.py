"""Publishing: after commit, within three seconds, whatever the broker does."""

import time
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial

import pytest
from celery import current_app
from django.db import connection, transaction

from headway.lifecycle import actions, dispatch, janitor
from headway.lifecycle.queue import why_queued
from headway.models import Job
from tests.jobs import rows
from tests.jobs.threads import at_once
from tests.jobs.waiting import reload, states
from tests.support.locking import locked
from tests.support.processes import wait_until
from tests.support.stack import Valkey


def waiting_messages() -> int:
    return dispatch.depth("celery") or 0


@pytest.fixture
def empty(valkey: Valkey, transactional_db: None) -> Iterator[Valkey]:
    """Valkey with nothing in it; it answers again after the test."""
    del transactional_db
    valkey.flush()
    yield valkey
    if valkey.running:
        valkey.resume()
    else:
        valkey.start()
    wait_until(lambda: not dispatch._threads.busy)


@pytest.mark.usefixtures("empty")
def test_nothing_is_published_before_the_commit() -> None:
    with transaction.atomic():
        job = actions.start("add", {"a": 1})
        assert waiting_messages() == 0
        assert states(job) == []
    assert waiting_messages() == 1
    assert states(job) == ["queued"]
    assert reload(job).published_at is not None


@pytest.mark.usefixtures("empty")
def test_nothing_is_published_after_a_rollback() -> None:
    with transaction.atomic():
        actions.start("add", {"a": 1})
        transaction.set_rollback(True)
    assert waiting_messages() == 0
    assert not Job.objects.exists()


@pytest.mark.usefixtures("empty")
def test_a_database_that_is_locked_right_after_the_commit_fails_no_start() -> None:
    """The job is stored, and left to the janitor."""
    with ExitStack() as ending, connection.cursor() as cursor:
        ending.callback(connection.close)
        cursor.execute("PRAGMA busy_timeout = 100")
        with transaction.atomic():
            transaction.on_commit(lambda: ending.enter_context(locked()))
            job = actions.start("add", {"a": 1})
    assert reload(job).published_at is None
    assert waiting_messages() == 0
    rows.changed(job, created_at=rows.ago(10))
    janitor.publish_forgotten()
    assert waiting_messages() == 1


@pytest.mark.usefixtures("empty")
def test_the_message_carries_nothing_but_the_id(empty: Valkey) -> None:
    actions.start("add", {"a": "secret-value"})
    with empty.client() as client:
        assert b"secret-value" not in client.lindex("celery", 0)


def test_a_start_is_stored_within_three_seconds_when_the_broker_refuses(empty: Valkey) -> None:
    empty.kill()
    begun = time.monotonic()
    job = actions.start("add", {"a": 1})
    assert time.monotonic() - begun < 3.5
    assert reload(job).published_at is None
    assert why_queued(reload(job)) == "Waiting for the queue"


def test_starts_are_stored_within_three_seconds_when_the_broker_hangs(empty: Valkey) -> None:
    actions.start("add", {"a": 1})  # so that there are open connections to hang on
    empty.pause()
    begun = time.monotonic()
    jobs = at_once([partial(actions.start, "add", {"a": 1})] * 20)
    assert time.monotonic() - begun < 4.5
    assert all(isinstance(job, Job) for job in jobs)
    assert Job.objects.filter(status="queued", published_at=None).count() == 20


def test_a_cancel_is_answered_when_redis_hangs(empty: Valkey) -> None:
    job = actions.start("add", {"a": 1})
    empty.pause()
    begun = time.monotonic()
    assert actions.cancel(job).status == "cancelled"
    assert time.monotonic() - begun < 5


def test_a_publish_in_a_thread_uses_the_projects_broker(empty: Valkey) -> None:
    (url,) = at_once([lambda: str(current_app.conf.broker_url)])
    assert isinstance(url, str)
    assert url.endswith(empty.url.removeprefix("unix://"))


@pytest.mark.usefixtures("empty")
def test_the_depth_of_a_queue_that_does_not_exist_is_nothing() -> None:
    assert dispatch.depth("never-used") == 0


def test_the_depth_of_a_queue_is_unknown_without_a_broker(empty: Valkey) -> None:
    empty.kill()
    assert dispatch.depth("celery") is None

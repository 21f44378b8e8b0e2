"""Starting many jobs at once: the promises of a single start, for all of them together."""

import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from celery import signals
from django.conf import settings
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

import headway
from headway.lifecycle import actions, dispatch, janitor, many
from headway.lifecycle.actions import ActionError, KeyUsedError
from headway.models import Job
from tests.jobs import kinds
from tests.jobs.waiting import reload, states
from tests.support.processes import wait_until
from tests.support.stack import Valkey


@pytest.fixture
def empty(valkey: Valkey, transactional_db: None, unlimited: None) -> Iterator[Valkey]:
    """Valkey with nothing in it, which answers again after the test; nobody waits for a turn."""
    del transactional_db, unlimited
    valkey.flush()
    yield valkey
    if not valkey.running:
        valkey.start()
    wait_until(lambda: not dispatch._threads.busy)


def items(count: int) -> list[dict[str, Any]]:
    return [{"a": number} for number in range(count)]


def test_one_that_does_not_fit_is_named_and_nothing_is_stored(empty: Valkey) -> None:
    with pytest.raises(ActionError, match=r"^Item 3: .*missing a required argument: 'a'"):
        kinds.add.start_many([*items(3), {"c": 1}])
    with pytest.raises(ActionError, match=r"^Item 1: .*the value of 'a' cannot be used"):
        kinds.add.start_many([{"a": 1}, {"a": object()}])
    with pytest.raises(ActionError, match="There are 2 items, but 1 keys: give one for each"):
        kinds.add.start_many(items(2), idempotency_keys=["one"])
    assert not Job.objects.exists()
    assert dispatch.depth("celery") == 0
    assert kinds.add.start_many([]) == []


def test_files_of_a_start_that_is_refused_are_deleted(empty: Valkey) -> None:
    upload, uploads = SimpleUploadedFile("rows.csv", b"a,b"), settings.MEDIA_ROOT / "uploads"
    before = {*uploads.glob("*/*")}  # of other tests
    with pytest.raises(ActionError, match="Item 1"):
        kinds.add.start_many([{"a": upload}, {"a": object()}])
    assert {*uploads.glob("*/*")} <= before


def test_each_item_may_have_a_key_of_its_own(empty: Valkey, alice: User) -> None:
    keys = ["a", None, "b", "a"]
    first = kinds.add.start_many(
        [{"a": 1}, {"a": 2}, {"a": 3}, {"a": 1}], owner=alice, idempotency_keys=keys
    )
    assert first[0].pk == first[3].pk
    again = kinds.add.start_many([{"a": 3}, {"a": 9}], owner=alice, idempotency_keys=["b", "new"])
    assert again[0].pk == first[2].pk
    assert kinds.add.start({"a": 9}, owner=alice, idempotency_key="new").pk == again[1].pk
    with pytest.raises(KeyUsedError, match="Item 1: This key has already started"):
        kinds.add.start_many([{"a": 5}] * 2, owner=alice, idempotency_keys=["c", "a"])
    assert Job.objects.count() == dispatch.depth("celery") == 4


def test_a_key_that_is_used_meanwhile_is_found_however_many_there_are(
    empty: Valkey, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    others: list[Job] = []

    def meanwhile(owner: Any, number: int = 1) -> None:
        """Just before the rows are stored."""
        if number > 1 and not others:
            others.append(kinds.add.start({"a": 600}, owner=owner, idempotency_key="600"))

    monkeypatch.setattr(actions, "require_room", meanwhile)
    keys = [str(number) for number in range(601)]
    jobs = kinds.add.start_many(items(601), owner=alice, idempotency_keys=keys)
    assert jobs[600] == others[0]
    assert Job.objects.count() == 601


def test_nothing_is_published_before_the_commit_or_after_a_rollback(empty: Valkey) -> None:
    with transaction.atomic():
        jobs = kinds.add.start_many(items(3))
        assert dispatch.depth("celery") == 0
        assert states(jobs[0]) == []
    assert dispatch.depth("celery") == 3
    with transaction.atomic():
        kinds.add.start_many(items(3))
        transaction.set_rollback(True)
    assert Job.objects.count() == dispatch.depth("celery") == 3


def test_many_take_no_more_statements_than_a_few(empty: Valkey) -> None:
    def asked(count: int) -> int:
        with CaptureQueriesContext(connection) as queries:
            kinds.add.start_many(items(count))
        return len(queries)

    # BEGIN, INSERT twice (the audit trail, too), COMMIT, when they were published
    assert asked(3) == asked(20) <= 5
    assert not Job.objects.filter(published_at=None).exists()


def test_what_a_broker_that_goes_away_in_the_middle_did_not_take_the_janitor_publishes(
    empty: Valkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dispatch, "BATCH", 2)
    monkeypatch.setattr(janitor, "RECENT", 0.0)
    sent: list[str] = []

    def kill(headers: Any, **_: Any) -> None:
        sent.append(headers["id"])
        if len(sent) == 3:  # the first of the second batch
            empty.kill()

    signals.after_task_publish.connect(kill)
    try:
        jobs = kinds.add.start_many(items(7))
    finally:
        signals.after_task_publish.disconnect(kill)
    published = [reload(job).published_at is not None for job in jobs]
    assert published == [True, True, False, False, False, False, False]
    empty.start()
    empty.flush()
    janitor.publish_forgotten()
    assert not Job.objects.filter(published_at=None).exists()
    assert dispatch.depth("celery") == 5


def test_a_broker_that_is_away_leaves_all_of_them_queued(empty: Valkey) -> None:
    empty.kill()
    jobs = kinds.add.start_many(items(3))
    assert {(reload(job).status, reload(job).published_at) for job in jobs} == {("queued", None)}


def test_a_start_whose_answer_got_lost_stores_nothing_twice(empty: Valkey, alice: User) -> None:
    ids, keys = [uuid.uuid4() for _ in range(3)], [None, "a", None]
    first = many.start("add", items(3), owner=alice, keys=keys, ids=ids)
    again = many.start("add", items(3), owner=alice, keys=keys, ids=ids, again=True)
    assert [job.pk for job in again] == [job.pk for job in first] == ids
    assert Job.objects.count() == 3


def test_the_same_in_asynchronous_code(empty: Valkey) -> None:
    jobs = async_to_sync(headway.astart_many)(kinds.add, items(2))
    jobs += async_to_sync(kinds.add.astart_many)(items(2))
    assert dispatch.depth("celery") == len({job.pk for job in jobs}) == 4

"""Messages of a known task in which each field in turn is bent: a worker outlives all of them, and
says so in a few lines. So does Celery's remote control."""

import base64
import json
import time
from contextlib import suppress
from typing import Any

import pytest
from celery import current_app
from django.contrib.auth.models import User
from hypothesis import given
from hypothesis import strategies as st

from headway.lifecycle import actions, dispatch
from headway.models import Job, Status
from headway.worker import messages
from tests.jobs.waiting import ended
from tests.support.forged import TASK, forged, sound, written
from tests.support.processes import wait_until
from tests.support.stack import Valkey, Worker

SHORT = {"seconds": 0, "steps": 1, "phases": 1, "fail_at": None}


@pytest.mark.parametrize("task", [TASK, "celery.backend_cleanup"])
def test_a_worker_outlives_every_bent_field_and_says_so_in_a_few_lines(
    task: str, valkey: Valkey, worker: Worker, transactional_db: None, alice: User
) -> None:
    if not worker.running:
        worker.start()
    pid, before, begun = worker.pid, len(worker.output), time.monotonic()
    bodies = [*forged(task)]
    with valkey.client() as client:
        for body in bodies:
            client.lpush("celery", body)
        wait_until(lambda: not client.llen("celery") or not worker.running)
    # As many at once as there are processes, so that none of them is lost
    jobs = [actions.start("simulate", {"seconds": 1, "steps": 2}, owner=alice) for _ in range(4)]
    assert {ended(job).status for job in jobs} == {Status.SUCCEEDED}
    assert (worker.running, worker.pid) == (True, pid)
    wait_until(lambda: " dropped: " in worker.output[before:])
    said = worker.output[before:]
    if task == TASK:  # one that takes none fails with arguments, as anybody's task
        assert "Traceback" not in said
    assert "Connection to broker lost" not in said
    told = said.count(" dropped: ")
    assert 1 <= told <= 2 + (time.monotonic() - begun) / messages.QUIET


def test_a_job_whose_message_was_forged_runs_by_its_own(
    valkey: Valkey, worker: Worker, transactional_db: None, alice: User
) -> None:
    if not worker.running:
        worker.start()
    busy = [actions.start("simulate", {"seconds": 2, "steps": 2}, owner=alice) for _ in range(2)]
    job = actions.start("simulate", {"seconds": 0, "steps": 1}, owner=alice)
    message = sound()
    message["headers"] |= {"id": str(job.pk), "timelimit": ["x", "y"]}
    with valkey.client() as client:
        client.rpush("celery", written(message))  # which is its head
    assert {ended(each).status for each in [*busy, job]} == {Status.SUCCEEDED}
    assert Job.objects.get(pk=job.pk).attempt == 1


def test_a_message_of_a_later_release_is_refused_in_words_and_its_job_waits_for_the_next(
    valkey: Valkey, worker: Worker, transactional_db: None, alice: User
) -> None:
    if not worker.running:
        worker.start()
    before = len(worker.output)
    job = Job.objects.create(kind="simulate", title="x", owner=alice, params=SHORT, queue="celery")
    message = sound()
    message["headers"] |= {"id": str(job.pk), "headway": 2, "expires": {"a": "later form"}}
    with valkey.client() as client:
        client.lpush("celery", written(message))
    wait_until(lambda: "it is of version 2, this worker reads 1" in worker.output[before:])
    job.refresh_from_db()
    assert (job.status, job.attempt) == (Status.QUEUED, 0)
    assert dispatch.publish(job)  # as the janitor does
    assert ended(job).status == Status.SUCCEEDED


def test_garbage_for_the_remote_control_is_outlived(
    valkey: Valkey, worker: Worker, transactional_db: None, alice: User
) -> None:
    if not worker.running:
        worker.start()
    pid, before = worker.pid, len(worker.output)
    commands: list[Any] = [
        *({"method": "revoke", "arguments": with_} for with_ in ([1], {"x": 1}, "x")),
        *({"method": name} for name in (None, 5, "unknown")),
        *({"method": "ping", name: 5} for name in ("destination", "reply_to", "pattern")),
    ]
    bodies = [b"", b"garbage", b"[1]", b"{}", b"[" * 100_000, written(sound())]
    for command in commands:
        text = base64.b64encode(json.dumps(command).encode()).decode()
        bodies.append(written(sound() | {"body": text}))
    with valkey.client() as client:
        for body in bodies:
            assert client.publish("/0.celery.pidbox", body)
    wait_until(current_app.control.ping)  # it takes commands one after the other
    job = actions.start("simulate", {"seconds": 0, "steps": 1}, owner=alice)
    assert ended(job).status == Status.SUCCEEDED
    assert worker.pid == pid
    assert "Traceback" not in worker.output[before:]


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=8,
)


@given(ANYTHING, ANYTHING, ANYTHING, st.sampled_from([*messages.HEADERS, "task", "id"]))
def test_whatever_it_holds_a_message_is_sound_or_refused(
    headers: Any, properties: Any, body: Any, name: str
) -> None:
    message = sound()
    for found in (
        (headers, properties, body),
        (message["headers"] | {name: headers}, message["properties"], message["body"]),
    ):
        with suppress(messages.MessageError):
            messages.require_task(*found)
    for raw in (body, message | {"properties": properties}, message | {"headers": headers}):
        with suppress(messages.MessageError):
            messages.require_envelope(raw)


def test_what_celery_writes_is_sound() -> None:
    message = sound()
    messages.require_envelope(message | {"body": "W10="})
    messages.require_task(message["headers"], message["properties"], message["body"])

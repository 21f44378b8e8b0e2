"""Messages of a known task in which each field in turn is bent: a worker outlives all of them, and
says so in a few lines. So does Celery's remote control."""

import base64
import copy
import json
import math
import time
import uuid
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
from django.contrib.auth.models import User
from hypothesis import given
from hypothesis import strategies as st

from headway.lifecycle import actions
from headway.models import Job, Status
from headway.worker import messages
from tests.jobs.waiting import ended
from tests.support.processes import wait_until
from tests.support.stack import Valkey, Worker

TASK = "jobs.simulate.simulate"
BENT: list[Any] = [
    None,
    True,
    -1,
    0,
    1.5,
    10**30,
    -math.inf,
    math.nan,
    "",
    "x",
    "\ud800\n\0",
    "x" * 10_000,
    "9999-12-31T23:59:59+00:00",
    "0001-01-01T00:00:00+23:59",
    [],
    ["x", "y"],
    [["x"], 1, None],
    {},
    {"x": {"y": []}},
    {"id": "x", "args": 1, "exchange": [], "routing_key": {}},
]
HEADERS = [
    *("lang", "task", "id", "shadow", "eta", "expires", "group", "group_index", "retries"),
    *("timelimit", "root_id", "parent_id", "argsrepr", "kwargsrepr", "origin", "ignore_result"),
    *("replaced_task_nesting", "stamped_headers", "stamps", "compression", "headers"),
    *("hostname", "delivery_info", "is_eager", "called_directly", "get", "update", "chord", "utc"),
]
PROPERTIES = [
    *("correlation_id", "reply_to", "delivery_mode", "delivery_info", "priority"),
    *("body_encoding", "delivery_tag"),
]
ENVELOPE = ["body", "content-encoding", "content-type", "headers", "properties"]


def sound(task: str = TASK) -> dict[str, Any]:
    """A message as Celery writes it, decoded, of a job that there is not."""
    job = str(uuid.uuid4())
    return {
        "body": [[], {}, {"callbacks": None, "errbacks": None, "chain": None, "chord": None}],
        "content-encoding": "utf-8",
        "content-type": "application/json",
        "headers": {"lang": "py", "task": task, "id": job, "timelimit": [None, None]},
        "properties": {
            "correlation_id": job,
            "reply_to": "",
            "delivery_mode": 2,
            "delivery_info": {"exchange": "", "routing_key": "celery"},
            "priority": 0,
            "body_encoding": "base64",
            "delivery_tag": str(uuid.uuid4()),
        },
    }


def written(message: dict[str, Any]) -> bytes:
    """As it stands in Redis."""
    if isinstance(message["body"], list):
        body = json.dumps(message["body"]).encode()
        message = message | {"body": base64.b64encode(body).decode()}
    return json.dumps(message).encode()


def forged(task: str) -> Iterator[bytes]:
    """Each field with each value."""
    for value in BENT:
        for place, names in (("headers", HEADERS), ("properties", PROPERTIES)):
            for name in names:
                message = sound(task)
                message[place][name] = copy.deepcopy(value)
                yield written(message)
        for name in ENVELOPE:
            yield json.dumps(json.loads(written(sound(task))) | {name: value}).encode()
        for number in range(3):
            message = sound(task)
            message["body"][number] = value
            yield written(message)
        for name in ("callbacks", "errbacks", "chain", "chord", "is_eager", "id", "timelimit"):
            message = sound(task)
            message["body"][2][name] = value
            yield written(message)
    yield written(sound(task) | {"headers": {}, "body": {"task": task, "id": "1", "args": []}})
    yield b"[" * 100_000
    for name in HEADERS + PROPERTIES:
        message = sound(task)
        message["headers"].pop(name, None)
        message["properties"].pop(name, None)
        yield written(message)


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


def test_garbage_for_the_remote_control_is_outlived(
    valkey: Valkey, worker: Worker, transactional_db: None, alice: User
) -> None:
    if not worker.running:
        worker.start()
    pid = worker.pid
    with valkey.client() as client:
        for body in [b"", b"garbage", b"[1]", b"{}", b"[" * 100_000, written(sound())]:
            assert client.publish("/0.celery.pidbox", body)
    job = actions.start("simulate", {"seconds": 0, "steps": 1}, owner=alice)
    assert ended(job).status == Status.SUCCEEDED
    assert worker.pid == pid


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

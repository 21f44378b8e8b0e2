"""Messages that are none of ours: whoever can write to the queue must not be able to end a worker,
or to have anything run that is no job."""

import base64
import json
import os
import pickle
import time
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.models import User

from headway.lifecycle import actions
from headway.models import Job, Status
from headway.worker import messages
from tests.support.processes import wait_until
from tests.support.stack import Valkey, Worker

PROOF = Path(settings.DATA_DIR) / "a message was executed"


class Payload:
    """What runs a command when it is unpickled."""

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return os.system, (f"touch '{PROOF}'",)


def message(body: bytes, **changes: Any) -> bytes:
    """As kombu writes one for Redis, with something wrong."""
    headers = {"task": "jobs.simulate.simulate", "id": "0" * 32, "lang": "py"}
    properties = {
        "correlation_id": "1",
        "delivery_tag": "1",
        "delivery_mode": 2,
        "delivery_info": {"exchange": "", "routing_key": "celery"},
        "body_encoding": "base64",
    }
    whole = {
        "body": base64.b64encode(body).decode(),
        "content-encoding": "utf-8",
        "content-type": "application/json",
        "headers": headers,
        "properties": properties,
    }
    return json.dumps(whole | changes).encode()


HOSTILE = {
    "pickled": message(
        pickle.dumps(Payload()), **{"content-type": "application/x-python-serialize"}
    ),
    "a body that is no JSON": message(b"{"),
    "arguments of another shape": message(b'"text"'),
    "an unknown task": message(b"[[], {}, {}]", headers={"task": "os.system", "id": "1"}),
    "no task": message(b"[[], {}, {}]", headers={}),
    "an id that is none": message(
        b"[[], {}, {}]", headers={"task": "jobs.simulate.simulate", "id": "'"}
    ),
    "a job that does not exist": message(b"[[], {}, {}]"),
    "an unknown encoding": message(b"[[], {}, {}]", **{"content-encoding": "rot13"}),
    "no headers": message(b"[[], {}, {}]", headers=None),
    "no properties": message(b"[[], {}, {}]", properties={}),
    "a time limit of words": message(
        b"[[], {}, {}]",
        headers={"task": "jobs.simulate.simulate", "id": "1" * 32, "timelimit": ["x", "y"]},
    ),
    "JSON of another kind": b"[1, 2]",
    "no JSON": b"\x80\x04garbage",
    "nothing": b"",
}


@pytest.mark.parametrize("body", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_message_is_refused_and_the_worker_goes_on(
    body: bytes, valkey: Valkey, worker: Worker, transactional_db: None, alice: User
) -> None:
    if not worker.running:
        worker.start()
    pid = worker.pid
    with valkey.client() as client:
        client.lpush("celery", body)
    job = actions.start("simulate", {"seconds": 0, "steps": 1}, owner=alice)
    wait_until(lambda: Job.objects.get(pk=job.pk).status == Status.SUCCEEDED)
    assert worker.running
    assert worker.pid == pid
    assert not PROOF.exists()


def test_what_was_dropped_is_told_in_few_lines_that_tell_a_mistake_of_ours(
    valkey: Valkey, worker: Worker, transactional_db: None
) -> None:
    if not worker.running:
        worker.start()
    # What earlier tests have put there is told within this, and a heartbeat; then it is quiet again
    time.sleep(2 * messages.QUIET + 4)
    before = len(worker.output)
    with valkey.client() as client:
        client.lpush("celery", *[HOSTILE["JSON of another kind"]] * 50)
        wait_until(lambda: not client.llen("celery"))
    wait_until(lambda: "49 messages of the queue are dropped" in worker.output[before:])
    first, rest = worker.output[before:].splitlines()
    assert "A message of the queue is dropped: 'MessageError: it is no object" in first
    assert "at messages.py:" in first
    assert "at messages.py:" in rest

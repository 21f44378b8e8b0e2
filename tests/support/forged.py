"""Messages of Celery as kombu writes them to Redis, and each of their fields bent in many ways."""

import base64
import copy
import json
import math
import uuid
from collections.abc import Iterator
from typing import Any

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
        "headers": {
            "lang": "py",
            "task": task,
            "id": job,
            "timelimit": [None, None],
            "headway": 1,
        },
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

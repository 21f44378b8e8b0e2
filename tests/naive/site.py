"""What a job with a progress bar looks like where nobody has thought of faults: a plain Celery
task, `delay()`, progress by Pub/Sub alone, and a row that the task itself keeps up to date.

It is here so that the tests of faults can show that they notice.
"""

import os
import signal
import time
import uuid
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import redis
from celery import Celery
from django.db import connection

REDIS = os.environ.get("REDIS_URL", "")
TABLE = "CREATE TABLE naive (id text PRIMARY KEY, status text, result text, pid integer)"

app = Celery("naive", broker=REDIS.replace("unix://", "redis+socket://"), set_as_current=False)
app.conf.task_default_queue = "naive"
app.conf.control_exchange = "naive"  # or our workers would tell its own what was revoked

Report = Callable[[int, int], None]


def sql(statement: str, *values: str | int) -> list[tuple[Any, ...]]:
    """One statement; its rows."""
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return list(cursor.fetchall()) if cursor.description else []


def store() -> str:
    """A row for a new job."""
    job = str(uuid.uuid4())
    sql("INSERT INTO naive (id, status) VALUES (%s, 'queued')", job)
    return job


def send(job: str, kind: str, countdown: float = 0, **params: Any) -> None:
    """The message of a stored job."""
    work.apply_async((job, kind, params), task_id=job, countdown=countdown)


def cancel(job: str) -> None:
    """As the answers to "how do I stop a Celery task" say."""
    app.control.revoke(job, terminate=True)
    sql("UPDATE naive SET status = 'cancelled' WHERE id = %s", job)


@app.task
def work(job: str, kind: str, params: dict[str, Any]) -> None:
    """Runs one job and tells viewers how far it is."""
    sql("UPDATE naive SET status = 'running', pid = %s WHERE id = %s", os.getpid(), job)
    channel = redis.Redis.from_url(REDIS)
    result = KINDS[kind](partial(report, channel, job), **params)
    sql("UPDATE naive SET status = 'succeeded', result = %s WHERE id = %s", str(result), job)
    channel.publish(job, "done")


def report(channel: "redis.Redis", job: str, number: int, total: int) -> None:
    """Tells viewers of one step."""
    channel.publish(job, f"{100 * number / total:.1f} {number}")


def witness(report: Report, ledger: str, seconds: float) -> None:
    """Notes in the ledger that it is alive."""
    run, total = os.urandom(4).hex(), round(seconds / 0.05)
    for number in range(total):
        with Path(ledger).open("a") as file:
            file.write(f"{run} {time.monotonic()}\n")
        report(number, total)
        time.sleep(0.05)


def polite(report: Report) -> str:
    """Works for a while."""
    for number in range(1000):
        report(number, 1000)
        time.sleep(0.02)
    return "all of it"


def hasty(report: Report, seconds: float) -> int:
    """Reports as fast as it can."""
    until, number = time.monotonic() + seconds, 0
    while time.monotonic() < until:
        number += 1
        report(number, 1_000_000)
    return number


def far_too_slow(report: Report) -> None:
    """Hangs."""
    time.sleep(30)


def kills_its_worker(report: Report) -> None:
    """Takes its process with it."""
    os.kill(os.getpid(), signal.SIGKILL)


def empty(report: Report) -> None:
    """Has nothing to do."""
    report(0, 0)


KINDS: dict[str, Callable[..., object]] = {
    "witness": witness,
    "polite": polite,
    "hasty": hasty,
    "far-too-slow": far_too_slow,
    "kills-its-worker": kills_its_worker,
    "empty": empty,
}

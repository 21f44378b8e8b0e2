"""What a job with a progress bar looks like where nobody has thought of faults: a plain Celery
task, `delay()`, progress by Pub/Sub alone, and a row that the task itself keeps up to date.

It is here so that the tests of faults can show that they notice.
"""

import os
import sqlite3
import time
import uuid
from pathlib import Path

import redis
from celery import Celery

REDIS = os.environ.get("REDIS_URL", "")
ROWS = Path(os.environ["DATA_DIR"]) / "naive.sqlite3"

app = Celery("naive", broker=REDIS.replace("unix://", "redis+socket://"), set_as_current=False)
app.conf.task_default_queue = "naive"


def sql(statement: str, *values: object) -> list[tuple[str, ...]]:
    """One statement, committed; its rows."""
    with sqlite3.connect(ROWS, timeout=20) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS job (id TEXT PRIMARY KEY, status TEXT)")
        found = connection.execute(statement, values).fetchall()
    connection.close()
    return found


def status(job: str) -> str:
    """Where the row says that the job stands."""
    return sql("SELECT status FROM job WHERE id = ?", job)[0][0]


def start(ledger: str, seconds: float) -> str:
    """Stores a job and sends its message."""
    job = str(uuid.uuid4())
    sql("INSERT INTO job VALUES (?, 'queued')", job)
    work.delay(job, ledger, seconds)
    return job


@app.task
def work(job: str, ledger: str, seconds: float) -> None:
    """Notes in the ledger that it is alive, and tells viewers how far it is."""
    sql("UPDATE job SET status = 'running' WHERE id = ?", job)
    channel, run = redis.Redis.from_url(REDIS), os.urandom(4).hex()
    for number in range(round(seconds / 0.05)):
        with Path(ledger).open("a") as file:
            file.write(f"{run} {time.monotonic()}\n")
        channel.publish(job, number)
        time.sleep(0.05)
    sql("UPDATE job SET status = 'succeeded' WHERE id = ?", job)

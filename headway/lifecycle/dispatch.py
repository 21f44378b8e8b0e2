"""Publishes a stored job; never blocks its caller for more than three seconds, whatever hangs."""

import logging
import threading
from functools import partial
from typing import Any

from amqp.exceptions import ChannelError
from celery import current_app
from django.db import connections
from django.db.models.functions import Now

from headway.kinds import registry
from headway.kinds.celery_options import seconds_until
from headway.lifecycle import announce, database
from headway.models import Job, Status

logger = logging.getLogger(__name__)
PUBLISH_TIMEOUT = 2.2
"""Seconds that a caller waits for Redis and the broker together."""
HOLD = 60.0
"""A message due later than this, in seconds, is left to the janitor to publish in time: Redis hands
a message that a worker holds for long to a second worker."""
_slots = threading.BoundedSemaphore(16)


def after_commit(job: Job, *, tell: bool = False) -> None:
    """Publishes the job as soon as the surrounding transaction is committed. That of a TestCase
    never is: what Celery runs eagerly runs at once there, as it does without a transaction."""
    if _is_eager() and _only_in_a_test_case():
        publish(job, tell=tell)
        return
    database.on_commit(lambda: publish(job, tell=tell))


def publish(job: Job, *, tell: bool = False) -> bool:
    """True when the broker took the message; else the row stays queued, and the janitor publishes.

    `tell` announces before that that the job is queued again; of a new job that is done in any
    case. A publish that was given up may still arrive: the claim makes the second message harmless.
    With `task_always_eager` there is no broker to wait for: it runs in this call and thread, and
    `job` is then as it has ended.
    """
    if _is_eager():
        _run(job, tell)
        return True
    if not _slots.acquire(blocking=False):
        logger.warning("Job %s waits for the queue: too many publishes hang", job.pk)
        return False
    done, taken = threading.Event(), threading.Event()
    # A daemon, because a publish to a hung broker must not keep the process from ending.
    work = partial(_work, job, tell, done, taken)
    threading.Thread(target=work, name="publish", daemon=True).start()
    if not done.wait(PUBLISH_TIMEOUT):
        logger.warning("Job %s waits for the queue: no answer in %s s", job.pk, PUBLISH_TIMEOUT)
    if not taken.is_set():
        return False
    same = Job.objects.filter(pk=job.pk, attempt=job.attempt, status=Status.QUEUED)
    same.update(published_at=Now())
    return True


def depth(queue: str) -> int | None:
    """How many messages wait in a queue of the broker, or None when it cannot tell."""
    try:
        with current_app.connection_for_read() as connection, connection.channel() as channel:
            declare: Any = channel.queue_declare  # type: ignore[attr-defined]  # not in the stubs
            return int(declare(queue=queue, passive=True).message_count)
    except ChannelError:
        return 0  # an empty queue need not exist
    except Exception as error:  # noqa: BLE001 - brokers raise anything, see _work
        logger.warning("The broker did not answer: %s: %s", type(error).__name__, error)
        return None


def _is_eager() -> bool:
    return bool(current_app.conf.task_always_eager)


def _only_in_a_test_case() -> bool:
    """Whether the only open transaction is that which a TestCase rolls back; Django's `durable`
    asks the same."""
    blocks = database.connection().atomic_blocks
    return bool(blocks) and getattr(blocks[-1], "_from_testcase", False)


def _run(job: Job, tell: bool) -> None:
    if not database.connection().in_atomic_block:
        _announce(job, tell)
    due = Job.objects.filter(pk=job.pk, attempt=job.attempt, status=Status.QUEUED)
    due.update(published_at=Now(), not_before=None)  # Celery's eager tasks do not wait either
    registry.get(job.kind).task.publish(job)
    job.refresh_from_db()


def _announce(job: Job, tell: bool) -> None:
    if job.attempt == 0 and job.published_at is None:
        announce.created(job)
    elif tell:
        announce.state(job.pk)


def _work(job: Job, tell: bool, done: threading.Event, taken: threading.Event) -> None:
    try:
        _announce(job, tell)
        wait = seconds_until(job.not_before) if job.not_before else 0.0
        if wait <= HOLD:
            registry.get(job.kind).task.publish(job, max(0.0, wait))
            taken.set()
    except Exception as error:  # noqa: BLE001 - brokers raise anything from OSError to RuntimeError
        logger.warning("Publishing job %s failed: %s: %s", job.pk, type(error).__name__, error)
    finally:
        _slots.release()
        connections.close_all()
        done.set()

"""Publishes stored jobs; never blocks its caller for more than three seconds, whatever hangs."""

import logging
import threading
from collections.abc import Collection, Sequence
from contextlib import AbstractContextManager, nullcontext
from datetime import timedelta
from functools import partial
from typing import Any

from amqp.exceptions import ChannelError
from celery import current_app
from django.db import Error, connections
from django.db.models import QuerySet
from django.db.models.functions import Now

from headway import logs
from headway.kinds import registry
from headway.kinds.celery_options import seconds_left
from headway.lifecycle import announce, database, prepared, turns
from headway.lifecycle.prepared import Given
from headway.lifecycle.threads import Threads
from headway.models import Job, Status

logger = logging.getLogger(__name__)
PUBLISH_TIMEOUT = 2.2
"""Seconds that a caller waits for Redis and the broker together."""
HOLD = 60.0
"""A message due later than this, in seconds, is left to the janitor to publish in time: Redis hands
a message that a worker holds for long to a second worker."""
BATCH, EACH = 100, 0.02
"""Messages that are published in one go, and seconds that a caller waits longer for each."""
_threads = Threads("publish", 16)


def after_commit(*jobs: Job, tell: bool = False) -> None:
    """Publishes jobs as soon as the surrounding transaction is committed. That of a TestCase
    never is: what Celery runs eagerly runs at once there, as it does without a transaction."""
    if _only_in_a_test_case() and _is_eager():  # Celery's settings are slow to ask
        publish(*jobs, tell=tell)
        return
    database.on_commit(lambda: publish(*jobs, tell=tell))


def publish(*jobs: Job, tell: bool = False) -> bool:
    """True when the broker took every message; else rows stay queued, and the janitor publishes.

    Those whose turn has not come (lifecycle/turns.py) are announced, but not sent. Many new jobs
    are published in batches; the first that fails leaves the rest to the janitor.
    `tell` announces before that that the job is queued again; of a new job that is done in any
    case. A publish that was given up may still arrive: the claim makes the second message harmless.
    With `task_always_eager` there is no broker to wait for: it runs in this call and thread, and
    `job` is then as it has ended.
    """
    if _is_eager():
        for job in jobs:
            _run(job, tell)
        return True
    batches = [jobs[first : first + BATCH] for first in range(0, len(jobs), BATCH)]
    return all(_publish(batch, tell) for batch in batches)


def publish_following(job: Job | str) -> None:
    """Publishes the jobs whose turn comes as a message of `job`, a row or an id, was taken from the
    queue or its run has ended. What cannot be done is left to the janitor."""
    if not turns.are_taken():
        return
    try:
        row = job if isinstance(job, Job) else Job.objects.filter(pk=job).first()
        line = turns.line_of(row.owner_id, row.queue, row.kind) if row else None
        if line and (waiting := turns.following(line)):
            _publish(waiting, tell=False, turn={each.pk for each in waiting})
    except Error as error:
        logger.warning("Those who wait for their turn are left to the janitor: %s", error)


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
        _announce([job], tell)
    due = Job.objects.filter(pk=job.pk, attempt=job.attempt, status=Status.QUEUED)
    due.update(published_at=Now(), not_before=None)  # Celery's eager tasks do not wait either
    registry.get(job.kind).task.publish(job)
    job.refresh_from_db()


def _publish(jobs: Sequence[Job], tell: bool, turn: Collection[Any] | None = None) -> bool:
    """`turn`: the ids of those whose turn it is, where that is known: they were announced when they
    were started."""
    done = threading.Event()
    taken = _take(jobs, turn)
    new = jobs if turn is None else []
    if not (taken or new):
        return True
    sent: list[Job] = []
    # In a daemon, because a publish to a hung broker must not keep the process from ending.
    if not _threads.run(logs.carried(partial(_work, new, taken, tell, sent, done))):
        logger.warning("%s: too many publishes hang", _waits(jobs))
    elif not done.wait(timeout := PUBLISH_TIMEOUT + EACH * (len(jobs) - 1)):
        logger.warning("%s: no answer in %.1f s", _waits(jobs), timeout)
    if taken and not sent:
        _queued([job.pk for job in taken]).update(published_at=None)
    return len(sent) == len(taken)


def _take(jobs: Sequence[Job], turn: Collection[Any] | None) -> list[Job]:
    """Those of `jobs` that this process is to send, which is noted first: what others have noted
    meanwhile is theirs to send. If this process dies before it has, the message counts as lost."""
    due = [job for job in jobs if seconds_left(job.not_before) <= HOLD]
    turn = turns.of(due) if turn is None else turn
    taken = [job for job in due if job.pk in turn]
    new = [job for job in taken if job.published_at is None]
    if len(new) == len(taken) > 1 and not turns.are_taken():
        unsent = _queued([job.pk for job in new]).filter(published_at=None)
        return new if unsent.update(published_at=Now()) else []
    return [job for job in taken if _note(job)]


def _note(job: Job) -> bool:
    if job.published_at is None:
        return bool(prepared.update(_noting, pk=job.pk, number=job.attempt))
    # SQLite's own times are written shorter than ours, so that they equal none of them
    known = job.published_at + timedelta(milliseconds=1)
    same = _queued([job.pk]).filter(attempt=job.attempt, published_at__lt=known)
    return bool(same.update(published_at=Now()))


def _noting() -> prepared.Update:
    attempt = Given("number", Job._meta.get_field("attempt"))
    unsent = Job.objects.filter(pk=Given("pk"), attempt=attempt, status=Status.QUEUED)
    return unsent.filter(published_at=None), {"published_at": Now()}


def _queued(ids: Sequence[Any]) -> QuerySet[Job]:
    return Job.objects.filter(pk__in=ids, status=Status.QUEUED)


def _announce(jobs: Sequence[Job], tell: bool) -> None:
    if tell:  # also of one that was cancelled before its first attempt
        announce.state(jobs[0].pk)
    elif new := [job for job in jobs if job.attempt == 0 and job.published_at is None]:
        announce.created(*new)


def _work(
    new: Sequence[Job],
    taken: Sequence[Job],
    tell: bool,
    sent: list[Job],
    done: threading.Event,
) -> None:
    try:
        _announce(new, tell)
        try:
            _send(taken)
        except Exception:
            if not taken[1:]:  # Celery has tried it again already
                raise
            _send(taken)  # the connection may have died in the pool
        sent += taken
    except Exception as error:  # noqa: BLE001 - brokers raise anything from OSError to RuntimeError
        logger.warning("%s: %s: %s", _waits(taken or new), type(error).__name__, error)
    finally:
        connections.close_all()
        done.set()


def _send(jobs: Sequence[Job]) -> None:
    """Many over one producer, in one go where it can do that (kombu 5.7, to Redis)."""
    if not jobs[1:]:
        for job in jobs:
            registry.get(job.kind).task.publish(job)
        return
    pool: Any = current_app.producer_pool
    with pool.acquire(block=True, timeout=PUBLISH_TIMEOUT) as producer:
        batch: AbstractContextManager[Any] = getattr(producer, "batch", nullcontext)()
        with batch:
            for job in jobs:
                registry.get(job.kind).task.publish(job, producer)


def _waits(jobs: Sequence[Job]) -> str:
    """Whose message is left to the janitor, for the log."""
    more = f"and {len(jobs) - 1} more wait" if jobs[1:] else "waits"
    return f"Job {jobs[0].pk} {more} for the queue"

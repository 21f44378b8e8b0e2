"""Cleans up what workers, brokers and deploys left behind. Two janitors are harmless: every
change is one conditional UPDATE."""

import logging
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import islice
from typing import TypeVar

import redis
from django.db import InterfaceError, OperationalError
from django.db.models import (
    BooleanField,
    Count,
    DateTimeField,
    ExpressionWrapper,
    F,
    Q,
    QuerySet,
)
from django.db.models.functions import Coalesce, Now

from headway import logs
from headway.conf import conf
from headway.kinds import registry, secrets
from headway.kinds.celery_options import restored
from headway.lifecycle import (
    announce,
    audit,
    database,
    departed,
    dispatch,
    lease,
    leftovers,
    observed,
    outage,
    outbox,
    pruning,
    statistics,
    turns,
)
from headway.lifecycle.lease import later
from headway.lifecycle.log import log
from headway.models import HELD, Job, Status
from headway.stream.epoch import Epoch

T = TypeVar("T")
logger = logging.getLogger(__name__)
PER_SWEEP = 200
"""Jobs that one sweep publishes, or whose secrets it erases, at most."""
RECENT = 5.0
"""Seconds in which a job's own process may still be publishing its start or its end."""
LATE = 60.0
"""Seconds for which an end is looked at again: an earlier state may have been on its way."""
OFTEN, SELDOM = 60.0, 600.0
"""Seconds between two messages for a job that waits long, at most: when its queue is empty, so that
its message must be lost or held back by a worker, and when the queue is just long."""
POSTPONED = 10.0
"""Seconds after which a message is tried again that a broker which answers did not take."""
SLOW = 2.0
"""Seconds for a query, from which on the database has hung rather than worked."""
NEVER_TOLD = {"status": "", "attempt": 0}
"""The state in the log of a job that Redis has not taken a word of."""
_patient_until = 0.0  # while leases that have run out say nothing
_compared: float | None = None  # when all ends so far were found in the log
_epoch = Epoch()  # of that log


def sweep() -> bool:
    """One pass over everything; True: there is so much to prune that the next should follow at
    once. A step that fails is logged and tried again in the next pass."""
    more = False
    steps = (
        *(give_up_lost, end_cancelled, see_to_deactivated, end_expired, publish_forgotten),
        *(repeat_states, observed.end_forgotten, erase_secrets, leftovers.clear_sessions),
        *(leftovers.expire_uploads, leftovers.remove_orphans, audit.prune, outbox.prune),
        *(statistics.update_statistics, pruning.prune),
    )
    for step in steps:
        try:
            more = bool(step()) or more
        except Exception as error:  # the janitor must go on
            away = outage.is_outage(error)
            if away:
                _note_outage()
            told = "The janitor could not %s: %s"
            logger.warning(told, step.__name__.replace("_", " "), error, exc_info=not away)
    return more


@contextmanager
def _alone(job: uuid.UUID) -> Iterator[None]:
    """Keeps what is wrong with one job from the others, but for what would fail them all."""
    with logs.about(job_id=job):
        try:
            yield
        except (InterfaceError, OperationalError, redis.RedisError):
            raise
        except Exception:
            logger.exception("The janitor could not deal with job %s", job)


def give_up_lost() -> None:
    """Queues jobs again, or ends them, whose worker let its lease run out. Not just after the
    database was away: nobody could renew a lease there, and who lives is about to."""
    begun = time.monotonic()
    expired = Job.objects.filter(status__in=HELD, lease_until__lt=Now())
    found = list(expired.values_list("pk", "lease_until", Now()))
    if time.monotonic() - begun > SLOW:
        _note_outage()
    if time.monotonic() < _patient_until:
        return
    for pk, until, now in found:
        silent = round((now - until).total_seconds() + conf.JOB_LEASE)
        reason = f"The worker disappeared (no sign of life for {silent} s)"
        with _alone(pk):
            if lease.abandon(pk, reason, lease_until__lt=Now()):
                logger.warning("Job %s: %s", pk, reason)


def _note_outage() -> None:
    global _patient_until
    _patient_until = time.monotonic() + conf.JOB_LEASE_RENEW


def end_cancelled() -> None:
    """Ends jobs that were asked to stop and did not; what their worker still does is refused."""
    deadline = conf.JOB_CANCEL_DEADLINE
    late = {"status": Status.CANCELLING, "cancel_requested_at__lt": later(-deadline)}
    for pk in Job.objects.filter(**late).values_list("pk", flat=True):
        with _alone(pk):
            if lease.abandon(pk, f"It did not stop within {deadline} s", **late):
                logger.warning("Job %s did not stop within %s s and was ended", pk, deadline)


def see_to_deactivated() -> None:
    """Ends the jobs of users who were deactivated, or passes them on, where a setting asks it."""
    jobs = [*departed.of_deactivated()[:PER_SWEEP]]
    if not conf.JOB_CANCEL_DEACTIVATED:
        departed.pass_on(jobs)
        return
    for job in jobs:
        with _alone(job.pk):
            departed.cancel(job, "deactivated")


def end_expired() -> None:
    """Ends queued jobs whose Celery `expires` has passed."""
    queued = Job.objects.filter(status=Status.QUEUED)
    for job in queued.filter(options__has_key="expires").only("pk", "options"):
        with _alone(job.pk):
            if restored(job.options)["expires"] < datetime.now(UTC):
                reason = "Expired before a worker was free"
                ended = {"status": Status.CANCELLED, "finished_at": Now(), "reason": reason}
                with database.atomic():
                    if queued.filter(pk=job.pk).update(**ended):
                        announce.after_commit(job.pk, Status.CANCELLED)


def publish_forgotten() -> None:
    """Publishes queued jobs that are due, whose turn it is, and whose message was never sent, or
    seems to be lost."""
    known = registry.kinds()
    waiting = observed.ours(Status.QUEUED).filter(turns.DUE)
    # They wait for code that knows them, and must not take the turn of others.
    unknown = waiting.exclude(kind__in=known).order_by().values_list("kind")
    for kind, count in unknown.annotate(Count("pk")):
        logger.warning("%d job(s) wait: this code has no kind %r", count, kind)
    due = waiting.filter(kind__in=known)
    never = due.filter(published_at=None, created_at__lt=later(-RECENT))
    places = never.order_by().values_list("owner_id", "queue", "kind").distinct()
    lines = dict.fromkeys(turns.line_of(*place) for place in places)
    forgotten = (job for line in lines for job in turns.following(line))
    for job in [*islice(forgotten, PER_SWEEP), *_lost_messages(due)][:PER_SWEEP]:
        if dispatch.publish(job):
            continue
        if dispatch.depth(job.queue) is None:
            return  # the broker is away; the others would only wait for it one after the other
        # It may be this one that no broker takes: others of its owner get its turn
        refused = Job.objects.filter(pk=job.pk, status=Status.QUEUED)
        refused.update(not_before=later(POSTPONED))


def repeat_states() -> None:
    """Announces again how jobs stand where the log says otherwise: Redis did not take the last
    state, or has forgotten it. Without its end, a job's streams would not end, nor its log."""
    global _compared, _epoch
    begun, epoch = time.monotonic(), log().epoch()
    # A new janitor does not know what was told meanwhile. No open list is older than its stream.
    unknown = 1.1 * conf.STREAM_MAX_AGE if _compared is None else begun - _compared
    since = min(unknown + LATE, conf.LOG_TTL)
    # On another server, or the same with older data, anything may be missing.
    back = since if epoch == _epoch else conf.LOG_TTL
    ended = Q(finished_at__range=(later(-back), later(-RECENT)))
    active = Q(status__in=HELD, started_at__lt=later(-RECENT))
    again = Q(status=Status.QUEUED, attempt__gt=0)
    # Of an older one that the log does not know, viewers were told before Redis lost it.
    young = Q(finished_at=None) | Q(finished_at__gt=later(-since))
    found = (
        Job.objects.filter(ended | active | again)
        .order_by()
        .values_list("pk", "status", "attempt", ExpressionWrapper(young, BooleanField()))
    )
    epochs = {epoch}
    for jobs in _batches(found):
        _, states, read = log().read([str(pk) for pk, *_ in jobs])
        epochs.add(read)
        for pk, status, attempt, untold in jobs:
            state = states.get(str(pk), NEVER_TOLD if untold else None)
            if state and (state["status"], state["attempt"]) != (status, attempt):
                logger.warning("Job %s: the log has missed that it is %s", pk, status)
                announce.state(pk)
    if epochs == {epoch}:  # else some of it was a server's that was replaced meanwhile
        _compared, _epoch = begun, epoch


def erase_secrets() -> None:
    """Erases the secrets of jobs that ended longer ago than these are kept, also those in the
    arguments of what was to follow them."""
    kept = later(-conf.JOB_SECRETS_KEPT)
    old = Job.objects.finished().filter(~Q(secrets=""), finished_at__lt=kept)
    for pk, asked in list(old.values_list("pk", "options")[:PER_SWEEP]):
        with _alone(pk):
            old.filter(pk=pk).update(secrets="", options=secrets.masked(asked))


def _batches(rows: QuerySet[Job, T]) -> Iterator[list[T]]:
    found = rows.iterator(PER_SWEEP)
    while batch := list(islice(found, PER_SWEEP)):
        yield batch


def _lost_messages(due: QuerySet[Job]) -> list[Job]:
    """Jobs to publish again. The pause doubles with a job's age, so that a long queue is not
    flooded."""
    found: list[Job] = []
    sent = due.filter(published_at__lt=later(-conf.JOB_REPUBLISH_AFTER)).annotate(
        now=Now(), since=Coalesce("not_before", "created_at", output_field=DateTimeField())
    )
    for queue in sent.order_by().values_list("queue", flat=True).distinct():
        depth = dispatch.depth(queue)
        waiting = due.filter(queue=queue, published_at__isnull=False)
        if depth is not None and depth >= waiting.count():
            continue  # nobody's message is missing
        longest = OFTEN if depth == 0 else SELDOM
        for job in sent.filter(queue=queue).order_by(F("published_at")):
            age = (job.published_at - job.since).total_seconds()
            pause = max(float(conf.JOB_REPUBLISH_AFTER), min(longest, age))
            if (job.now - max(job.published_at, job.since)).total_seconds() > pause:
                found.append(job)
    return found

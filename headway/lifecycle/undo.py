"""Takes back a cancel, a retry, or what was asked of many jobs: for ten seconds, and only until a
worker has the job. One conditional UPDATE against the worker's claim, of which one wins
(docs/adr/0067)."""

from collections.abc import Mapping
from typing import Any

from django.db.models import Q
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.translation import gettext as _

from headway.lifecycle import actions, announce, audit, bulk, database, dispatch, former, outbox
from headway.lifecycle.actions import ActionError, NotAllowedError
from headway.lifecycle.lease import later
from headway.models import HELD, Job, Status
from headway.policy import policy
from headway.users import User

START, CANCEL, RETRY = "start", "cancel", "retry"
SECONDS = bulk.UNDO


def verb_of(job: Job) -> str:
    """What there is to take back of a job, as its row is: START (of one that acts on many), CANCEL
    or RETRY; "" for nothing."""
    verb = str((job.undo or {}).get("verb", ""))
    if verb == CANCEL:
        possible = job.status == Status.CANCELLED and job.started_at is None
    elif verb == RETRY:
        possible = job.status == Status.QUEUED and job.cancel_requested_at is None
    else:
        verb, possible = START, bulk.is_held_back(job)
    return verb if possible else ""


def seconds_left(job: Job) -> float:
    """For how long Undo is offered still; 0 for no longer, and where there is nothing to undo."""
    begun = {CANCEL: job.cancel_requested_at, RETRY: job.not_before, START: job.not_before}
    verb = verb_of(job)
    at = begun.get(verb)
    if at is None:
        return 0.0
    left = (at - timezone.now()).total_seconds() + (0 if verb == START else SECONDS)
    return min(float(SECONDS), max(0.0, left))


def may_undo(user: User, job: Job, verb: str) -> bool:
    """Whether a user may do it: as the verb itself."""
    rule = policy.may_retry if verb == RETRY else policy.may_cancel
    return rule(user, job)


def undo(job: Job, by: User | None = None) -> Job:
    """Puts a job back as it was before the last verb; returns it as it is now.

    Raises ActionError when that is no longer possible, with the reason, or when it is not for `by`
    to do.
    """
    row = Job.objects.filter(pk=job.pk)
    now = row.first() or job
    verb = verb_of(now)
    if by is not None and not may_undo(by, now, verb or str((now.undo or {}).get("verb", ""))):
        audit.write("undo", [now], audit.REFUSED, by)
        raise NotAllowedError(_("You may view this job, but not change it."))
    if verb == CANCEL:
        actions.require_room(now.owner_id, again=True)
    with database.atomic():
        done = verb and row.filter(_still(now, verb)).update(**_before(now, verb, by), undo=None)
        if done:
            became = row.values_list("status", flat=True).get()
            audit.write(f"undo {verb}", [now], became, by)
            outbox.withdraw(now.pk)
            announce.signal_after_commit([now.pk], became)
            if became != Status.QUEUED:
                database.on_commit(lambda: announce.state(now.pk))
    found = row.first()
    if found is None or not done:
        raise ActionError(_why_not(found, by))
    if found.status == Status.QUEUED:
        dispatch.after_commit(found, tell=True)
    return found


def _still(job: Job, verb: str) -> Q:
    """What must hold in the database for the verb to be undone."""
    recently = later(-SECONDS)
    if verb == CANCEL:  # a lease means that it is being deleted
        ended = Q(status=Status.CANCELLED, started_at=None, lease_until=None)
        return ended & Q(cancel_requested_at__gt=recently)
    waits = Q(status=Status.QUEUED, attempt=job.attempt)
    if verb == RETRY:
        return waits & Q(cancel_requested_at=None, not_before__gt=recently)
    return waits


def _before(job: Job, verb: str, by: User | None) -> Mapping[str, Any]:
    """The columns as they were; one that has not begun ends instead."""
    if verb == START:
        called_off = f"Called off by {by}" if by else "Called off"
        ended = {"finished_at": Now(), "cancel_requested_at": Now()}
        return {"status": Status.CANCELLED, "reason": called_off, **ended}
    return former.columns(job.undo or {"was": {}})


def _why_not(job: Job | None, by: User | None) -> str:
    if job is None:
        return _("This job no longer exists.")
    if job.kind == bulk.ACT and job.undo is None and job.status in HELD:
        actions.cancel(job, by=by)  # whoever calls it off does not want the rest of it either
        return _("It had begun: what is done stays done, and the rest is being stopped.")
    if job.status == Status.CANCELLING or (job.status == Status.CANCELLED and job.started_at):
        return _("It was running when it was cancelled, which cannot be undone. Retry it instead.")
    if job.status in HELD:
        return _("A worker has this job already, so nothing can be undone. Cancel it instead.")
    if verb_of(job):
        told = _("This can be undone for {seconds} seconds, and these are over.")
        return told.format(seconds=SECONDS)
    return _("There is nothing to undo.")

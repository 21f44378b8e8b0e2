"""Jobs of users who are deleted or deactivated: they run on, end, or pass to somebody, as the
settings say. Who is deleted is seen to at once, who is deactivated by the janitor."""

import logging
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from django.contrib.auth import get_user_model
from django.db.models import QuerySet
from django.db.models.signals import pre_delete

from headway import users
from headway.conf import conf
from headway.lifecycle import actions, audit, database
from headway.models import ACTIVE, Job, Status

logger = logging.getLogger(__name__)
REASONS = {
    "deactivated": "Cancelled, because its user was deactivated",
    "deleted": "Cancelled, because its user was deleted",
}
AT_ONCE = 500
"""Jobs that pass on in one transaction."""


def connect() -> None:
    """To the user model of the project."""
    pre_delete.connect(_see_to_deleted, sender=get_user_model(), dispatch_uid="headway.departed")


def of_deactivated() -> QuerySet[Job]:
    """The jobs that a setting asks to see to, of users who were deactivated."""
    jobs: QuerySet[Job] = Job.objects.filter(owner__isnull=False, status__in=ACTIVE)
    if conf.JOB_CANCEL_DEACTIVATED:
        jobs = _stoppable(jobs)
    elif not conf.JOB_SUCCESSOR:
        return jobs.none()
    if not users.can_be_deactivated():
        return jobs.none()
    owners = {*jobs.order_by().values_list("owner_id", flat=True).distinct()}
    gone = users.manager().filter(pk__in=owners, is_active=False)
    return jobs.filter(owner__in=[*gone.values_list("pk", flat=True)])


def cancel(job: Job, became: str) -> None:
    """Cancels a job whose user `became` deactivated or deleted."""
    with suppress(actions.ActionError):
        actions.cancel(job, reason=REASONS[became])


def pass_on(jobs: Sequence[Job]) -> None:
    """Gives jobs of deactivated users to whom JOB_SUCCESSOR names, who is looked for once."""
    if jobs and (heir := _successor()) is not None:
        _pass(jobs, heir, "deactivated")


def _see_to_deleted(instance: Any, **_: Any) -> None:
    theirs = Job.objects.filter(owner_id=instance.pk)
    if conf.JOB_CANCEL_DEACTIVATED:
        for job in _stoppable(theirs):
            cancel(job, "deleted")
    elif conf.JOB_SUCCESSOR and (heir := _successor(instance.pk)) is not None:
        while some := [*theirs[:AT_ONCE]]:  # the history too: it would be nobody's
            _pass(some, heir, "deleted")


def _stoppable(jobs: QuerySet[Job]) -> QuerySet[Job]:
    return jobs.filter(max_attempts__gt=0, status__in=(Status.QUEUED, Status.RUNNING))


def _successor(leaving: Any = None) -> Any:
    """Who takes jobs over, not the user who is leaving; None, with a line in the log, where nobody
    can."""
    heir = users.named(conf.JOB_SUCCESSOR)
    if heir is None or not users.is_active(heir) or heir.pk == leaving:
        logger.warning("JOB_SUCCESSOR: no active user %r can take jobs over", conf.JOB_SUCCESSOR)
        return None
    return heir


def _pass(jobs: Sequence[Job], heir: Any, became: str) -> None:
    """Nobody asked the new owner whether to be told of their ends."""
    with database.atomic():
        audit.write("pass on", jobs, f"to {heir.get_username()}: its user was {became}")
        keys = [job.pk for job in jobs]
        Job.objects.filter(pk__in=keys).update(owner_id=heir.pk, notify=False)

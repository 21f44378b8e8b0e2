"""How many jobs one user may have and start. Counted in the database, so all processes count
together, and Redis need not be there (docs/adr/0054)."""

import math
from datetime import timedelta
from typing import Any, NamedTuple

from django.db.models import Count, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from headway.conf import conf
from headway.kinds.numbers import grouped
from headway.lifecycle import prepared, returning
from headway.lifecycle.prepared import Given
from headway.models import ACTIVE, Job
from headway.policy import policy

MINUTE = 60
"""Seconds over which starts are counted; and after which to ask again where only time can tell."""


class Refusal(NamedTuple):
    """Why a user may not start a job now, as a sentence, and in how many seconds to try again."""

    sentence: str
    retry_after: int


def refusal(owner: Any, number: int = 1, *, again: bool = False) -> Refusal | None:
    """None when an owner (a user or a primary key) may start so many jobs more, or have them run
    `again`. Nobody's jobs are not counted. Starts at the same moment do not see one another, so
    there may be as many over a limit as there are requests at once."""
    if owner is None or (hasattr(owner, "pk") and not policy.is_limited(owner)):
        return None
    whose = getattr(owner, "pk", owner)
    most = conf.JOB_MAX_ACTIVE_PER_USER
    if most and _active(whose) + number > most:
        return Refusal(
            _(
                "At most {number} of your jobs can be queued or running at a time. Wait until some"
                " have ended, or cancel some."
            ).format(number=grouped(most)),
            MINUTE,
        )
    most = conf.JOB_MAX_STARTS_PER_MINUTE
    if most and not again:
        # Many that are started at once are let in as one, and count as all that they are.
        since = timezone.now() - timedelta(seconds=MINUTE)
        found = prepared.select(_limiting, most, owner=whose, since=since)
        if found:
            left = (returning.job(found[0]).created_at - since).total_seconds()
            told = _("You can start at most {number} jobs a minute. Try again in a moment.")
            told = told.format(number=grouped(most))
            return Refusal(told, math.ceil(left))
    return None


def _active(owner: Any) -> int:
    return sum(number for (number,) in prepared.select(_counting, owner=owner))


def _counting() -> QuerySet[Job, Any]:
    active = Job.objects.filter(owner_id=Given("owner"), status__in=ACTIVE).order_by()
    return active.values("owner_id").annotate(number=Count("pk")).values_list("number")


def _limiting(most: int) -> QuerySet[Job, Any]:
    """The start that was the last one allowed, if it is not a minute ago."""
    since = Given("since", Job._meta.get_field("created_at"))
    newest = Job.objects.filter(owner_id=Given("owner"), created_at__gt=since)
    return newest.order_by("-created_at").values_list(*returning.NAMES)[most - 1 : most]

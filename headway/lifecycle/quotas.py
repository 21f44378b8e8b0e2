"""How many jobs one user may have and start. Counted in the database, so all processes count
together, and Redis need not be there (docs/adr/0054)."""

import math
from typing import Any, NamedTuple

from django.utils import timezone
from django.utils.translation import gettext as _

from headway.conf import conf
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
    jobs = Job.objects.filter(owner_id=getattr(owner, "pk", owner)).order_by()
    most = conf.JOB_MAX_ACTIVE_PER_USER
    if most and jobs.filter(status__in=ACTIVE).count() + number > most:
        return Refusal(
            _(
                "At most {number} of your jobs can be queued or running at a time. Wait until some"
                " have ended, or cancel some."
            ).format(number=f"{most:,}"),
            MINUTE,
        )
    most = conf.JOB_MAX_STARTS_PER_MINUTE
    if most and not again:
        # Many that are started at once are let in as one, and count as all that they are.
        newest = jobs.order_by("-created_at").values_list("created_at", flat=True)
        limiting = next(iter(newest[most - 1 : most]), None)
        left = MINUTE - (timezone.now() - limiting).total_seconds() if limiting else 0.0
        if left > 0:
            told = _("You can start at most {number} jobs a minute. Try again in a moment.")
            told = told.format(number=f"{most:,}")
            return Refusal(told, math.ceil(left))
    return None

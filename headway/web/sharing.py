"""Links that show one job: made, found by their address, revoked, and asked whether they hold."""

import logging
import uuid
from collections.abc import Collection, Iterable
from datetime import timedelta
from typing import Any

from django.core.exceptions import ValidationError
from django.core.signing import BadSignature, Signer
from django.db import InterfaceError, OperationalError
from django.db.models import prefetch_related_objects
from django.urls import reverse
from django.utils import timezone

from headway.conf import conf
from headway.lifecycle import audit, database
from headway.models import Job, ShareLink, SharePart
from headway.policy import policy

logger = logging.getLogger(__name__)
MOST = 20
"""Living links of one job at most."""
DAYS = (1, 7, 30, 90, 365)
"""How long a link may last, as far as SHARE_MAX_DAYS allows it."""


def choices() -> list[int]:
    """The days to choose from, the longest last."""
    return sorted({*(days for days in DAYS if days < conf.SHARE_MAX_DAYS), conf.SHARE_MAX_DAYS})


def make(job: Job, parts: Collection[str], days: int, by: Any) -> ShareLink:
    """A new link, which lasts so many days; the trail tells of it."""
    shown = [part for part in SharePart.values if part in parts]
    until = timezone.now() + timedelta(days=days)
    with database.atomic():
        link = ShareLink.objects.create(job=job, by_id=by.pk, parts=shown, expires_at=until)
        more = f", with {', '.join(shown)}" if shown else ""
        audit.write("share", [job], f"link until {until:%Y-%m-%d %H:%M} UTC{more}", by)
    return link


def revoke(link: ShareLink, by: Any) -> bool:
    """Makes a link worthless, its open streams too; False when it was already."""
    with database.atomic():
        living = ShareLink.objects.filter(pk=link.pk, revoked_at=None)
        done = bool(living.update(revoked_at=timezone.now()))
        if done:
            audit.write("unshare", [link.job], "link revoked", by)
    return done


def of(job: Job) -> list[ShareLink]:
    """The living links of a job, newest first."""
    return list(ShareLink.objects.living().filter(job=job))


def token_of(link: ShareLink) -> str:
    """What stands in the address of a link."""
    return _signer().sign(str(link.pk))


def address(link: ShareLink) -> str:
    """The path of its page."""
    return reverse("headway:shared", args=[token_of(link)])


def find(token: str) -> ShareLink | None:
    """The link of an address, with its job; None when it does not hold or was never made."""
    try:
        pk = uuid.UUID(_signer().unsign(token))
    except (BadSignature, ValueError, ValidationError):
        return None
    return next(iter(holding([pk])), None)


def holding(keys: Iterable[uuid.UUID]) -> list[ShareLink]:
    """Those of some links that still open anything: neither revoked nor expired, and made by
    somebody who may still share the job. Raises OperationalError or InterfaceError when the
    database is away."""
    links = list(ShareLink.objects.living().filter(pk__in=keys).select_related("job"))
    prefetch_related_objects(links, "by")
    return [link for link in links if _holds(link)]


def _holds(link: ShareLink) -> bool:
    try:
        return link.by is not None and bool(policy.may_share(link.by, link.job))
    except (InterfaceError, OperationalError):
        raise
    except Exception:
        logger.exception("Whether link %s still holds cannot be told", link.pk)
        return False


def _signer() -> Signer:
    return Signer(salt="headway.share", sep=".")

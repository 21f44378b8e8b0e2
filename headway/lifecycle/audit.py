"""The audit trail: who did what to which job, when and from where, in one transaction with it."""

import getpass
import socket
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from typing import Any

from django.db import transaction
from django.db.models import signals

from headway.conf import conf
from headway.lifecycle import database, prepared
from headway.lifecycle.lease import later
from headway.models import AuditEntry, Job, Via

PER_SWEEP = 1000
"""Entries that are deleted at once at most."""
REFUSED = "refused: no permission"
RESULT, NAME = 200, 254
"""Characters of what is kept at most."""


@dataclass(frozen=True)
class Origin:
    """Who asks, and from where: `address` as the site sees it, `token` the number of an API token;
    `bulk` the job that does it for them."""

    user: Any = None
    via: Via = Via.CODE
    address: str = ""
    token: int | None = None
    bulk: uuid.UUID | None = None
    name: str = ""
    """Of who is no user, such as the account of a shell."""


_origin: ContextVar[Origin] = ContextVar("origin", default=Origin())  # noqa: B039 - it is frozen


@contextmanager
def coming_from(origin: Origin) -> Iterator[None]:
    """Within it, in this thread or task, all verbs are asked for from there."""
    before = _origin.set(origin)
    try:
        yield
    finally:
        _origin.reset(before)


def shell() -> Origin:
    """Who runs a command: the account of the machine, and the machine."""
    try:
        account = getpass.getuser()
    except (KeyError, OSError):  # a user id without a name
        account = "?"
    return Origin(via=Via.COMMAND, name=account, address=socket.gethostname())


def entry(verb: str, job: Job, result: str, by: Any = None) -> AuditEntry:
    """One that is not stored; `by` who is known to have asked, else the origin's user."""
    origin = _origin.get()
    user = by or origin.user
    name = user.get_username() if user is not None and user.pk is not None else origin.name
    return AuditEntry(
        verb=verb,
        job_id=job.pk,
        title=job.title,
        kind=job.kind,
        owner_id=job.owner_id,
        result=result[:RESULT],
        by_id=getattr(user, "pk", None),
        name=str(name)[:NAME],
        via=origin.via,
        address=origin.address[:64],
        token=origin.token,
        bulk=origin.bulk,
    )


def write(verb: str, jobs: Sequence[Job], result: str, by: Any = None) -> None:
    """Writes an entry for each job, in the surrounding transaction."""
    if jobs:
        prepared.insert_all([entry(verb, job, result, by) for job in jobs])


def note(verb: str, result: str) -> None:
    """Writes an entry of what is about no single job."""
    told = entry(verb, Job(), result)
    told.job_id = None
    told.save()


def insert(job: Job) -> None:
    """Inserts a job and that it was started: on PostgreSQL by one statement, which needs no
    transaction and no second round trip; elsewhere by two in one transaction."""
    using = database.alias()
    sent = {"sender": Job, "instance": job, "raw": False, "using": using, "update_fields": None}
    signals.pre_save.send(**sent)
    statement, values = prepared.insertion(job, using)
    also, its = prepared.insertion(entry("start", job, job.status), using)
    with transaction.mark_for_rollback_on_error(using), database.connection().cursor() as cursor:
        if database.connection().vendor == "postgresql":
            cursor.execute(f"WITH told AS ({also}) {statement}", [*its, *values])
        else:
            with database.atomic():
                cursor.execute(statement, values)
                cursor.execute(also, its)
    job._state.adding, job._state.db = False, using
    signals.post_save.send(**sent, created=True)


def origin_of(job: uuid.UUID) -> Origin:
    """From where a job was started that acts for others; without the person."""
    first = AuditEntry.objects.filter(job_id=job, verb="start").order_by("pk").first()
    if first is None:
        return Origin(via=Via.BULK, bulk=job)
    return replace(Origin(via=Via.BULK, bulk=job), address=first.address, token=first.token)


def prune() -> bool:
    """Deletes what is older than the trail is kept; True: there may be more of it. The oldest come
    first by their keys."""
    oldest = AuditEntry.objects.order_by("pk")[:PER_SWEEP]
    keys = [*oldest.values_list("pk", flat=True)]
    kept = later(-conf.AUDIT_DAYS * 86_400.0)
    gone, _ = AuditEntry.objects.filter(pk__in=keys, at__lt=kept).delete()
    return gone == PER_SWEEP

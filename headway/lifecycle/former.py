"""What a job was before a verb, kept in its row as JSON, so that lifecycle/undo.py can put it
back."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db.models import DateTimeField, F

from headway.kinds.celery_options import reusable
from headway.lifecycle.lease import QUEUED_AGAIN, Changes
from headway.models import Job, Status
from headway.users import User

Kept = dict[str, Any]


def queued(job: Job) -> Kept:
    """Before its cancel, of one that waits. It is to be published again: a worker may have dropped
    its message meanwhile."""
    times = dict.fromkeys(("finished_at", "cancel_requested_at", "published_at"))
    return {"verb": "cancel", "was": {"status": Status.QUEUED, "reason": job.reason, **times}}


def retried(job: Job, attempts: int, by: User | None) -> Changes:
    """What a retry makes of a job, with so many attempts more, and what it was."""
    changes = QUEUED_AGAIN | {
        "max_attempts": F("attempt") + attempts,
        "reason": f"Retried by {by}" if by else "Retried",
        "options": reusable(job.options),
    }
    was = {name: getattr(job, name) for name in changes if name != "undo"}
    told = {n: v.isoformat() if isinstance(v, datetime) else v for n, v in was.items()}
    return changes | {"undo": {"verb": "retry", "was": told}}


def columns(kept: Mapping[str, Any]) -> dict[str, Any]:
    """The values that put a job back."""
    return {name: _read(name, value) for name, value in kept["was"].items()}


def _read(name: str, value: Any) -> Any:
    is_time = isinstance(Job._meta.get_field(name), DateTimeField)
    return datetime.fromisoformat(value) if value and is_time else value

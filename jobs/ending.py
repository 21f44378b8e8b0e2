"""How a run ended, and what is said of it: to its user a sentence, to the admin the traceback."""

import traceback
from dataclasses import dataclass
from typing import Any

from celery.exceptions import Retry

from jobs import values
from jobs.models import Status

REASON = 500
TRACEBACK = 50_000


class JobError(Exception):
    """Raised by a task to fail with a sentence that its user is shown as it stands."""


@dataclass(frozen=True, kw_only=True)
class Ending:
    """How a run ended. `raises` is what Celery is told: nothing makes it go on with a chain."""

    status: Status
    reason: str = ""
    error: str = ""
    result: Any = None
    raises: BaseException | None = None


def failed(error: Exception, reason: str) -> Ending:
    """The end by an exception."""
    return Ending(status=Status.FAILED, reason=reason, error=trace(error), raises=error)


def retried(retry: Retry, number: int) -> str:
    """Why a job is queued again."""
    why = f": {sentence(retry.exc)}" if isinstance(retry.exc, BaseException) else ""
    return values.text(f"Retry {number}{why}", REASON)


def sentence(error: BaseException) -> str:
    """What the user is told of an exception: its type and first line; a JobError's own words."""
    first = (str(error).strip().splitlines() or [""])[0]
    told = first if isinstance(error, JobError) and first else f"{type(error).__name__}: {first}"
    return values.text(told.rstrip(": "), REASON)


def trace(error: BaseException) -> str:
    """The end of the traceback."""
    return values.text("".join(traceback.format_exception(error))[-TRACEBACK:], TRACEBACK)

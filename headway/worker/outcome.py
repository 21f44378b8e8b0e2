"""How a run ended, and how that is reported: a message for its user, the traceback for the
admin."""

import json
import uuid
from dataclasses import dataclass
from typing import Any

from billiard.common import terminate_handler_fired  # type: ignore[attr-defined]  # not in stubs
from celery.exceptions import Retry, WorkerShutdown, WorkerTerminate
from django.template.defaultfilters import filesizeformat

from headway.kinds import json_values
from headway.kinds.masking import Mask
from headway.lifecycle.errors import REASON, REFUSALS, JobError, sentence, trace, without_secrets
from headway.models import Status
from headway.worker import current_progress

RESULT = 256 * 1024
"""Bytes of a result as JSON: every viewer of the job gets it, and every list reads it."""
RESULT_FILE = "result.json"


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How a run ended. `raises` is what Celery is told: nothing makes it go on with a chain."""

    status: Status
    reason: str = ""
    error: str = ""
    result: Any = None
    refused: bool = False
    """Whether the same input would end the same way."""
    raises: BaseException | None = None

    def again(self, number: int) -> str:
        """Why the job is queued for Celery's retry of this number."""
        why = f": {self.reason}" if self.reason else ""
        return json_values.text(f"Retry {number}{why}", REASON)


def kept(returned: Any, progress: current_progress.Progress, mask: Mask) -> Any:
    """What a task returned, as JSON and without secrets. Raises JobError for what is not JSON, and
    for what is too large for the database: that is in a file then."""
    try:
        result = mask.json(json_values.result(returned))
    except (TypeError, ValueError, RecursionError) as error:
        raise JobError(
            "The task's return value cannot be stored: it is not JSON-serializable."
        ) from error
    text = json.dumps(result, ensure_ascii=False)
    size = len(text.encode("utf-8", "replace"))
    if size > RESULT:
        with progress.result_file(RESULT_FILE) as file:
            file.write(text)
        raise JobError(
            f"The result is too large to be stored ({_size(size)}, {_size(RESULT)} at most):"
            f" it is in the file {RESULT_FILE}. The task should write a result file by itself."
        )
    return result


def told_to_end(error: BaseException) -> bool:
    """Whether a task ended with `error` because its process was told to end."""
    asked = isinstance(error, (KeyboardInterrupt, WorkerShutdown, WorkerTerminate))
    return asked or terminate_handler_fired()


def failed(error: BaseException, reason: str, mask: Mask) -> Outcome:
    """The end by an exception. Celery ends the process, or the worker, that raises what is no
    ordinary one, so it gets the sentence instead."""
    ordinary = isinstance(error, Exception) and not isinstance(error, MemoryError)
    told = without_secrets(error, mask) if ordinary else JobError(reason)
    refused = isinstance(error, REFUSALS)
    text = trace(error, mask)
    return Outcome(status=Status.FAILED, reason=reason, error=text, refused=refused, raises=told)


def retried(retry: Retry, job: uuid.UUID, mask: Mask) -> Outcome:
    """The end of an attempt by a Celery retry; the reason is that of the error behind it."""
    why, error = "", trace(retry, mask)
    if isinstance(retry.exc, BaseException):
        why = sentence(retry.exc, job, mask)
        told = without_secrets(retry.exc, mask)
        if told is not retry.exc:
            retry.exc, retry.excs = told, str(told)  # type: ignore[assignment,attr-defined]
    if without_secrets(retry, mask) is not retry:
        retry.message = str(without_secrets(retry, mask))
        retry.__cause__ = retry.__context__ = None
    return Outcome(status=Status.QUEUED, reason=why, error=error, raises=retry)


def _size(count: int) -> str:
    return filesizeformat(count).replace("\xa0", " ")

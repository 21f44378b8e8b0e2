"""How a run ended, and what is said of it: to its user a sentence, to the admin the traceback."""

import json
import traceback
from dataclasses import dataclass
from typing import Any

from billiard.common import terminate_handler_fired  # type: ignore[attr-defined]  # not in stubs
from celery.exceptions import Retry, WorkerShutdown, WorkerTerminate
from django.template.defaultfilters import filesizeformat

from headway.kinds import json_values
from headway.models import Status
from headway.worker import current_progress

REASON = 500
TRACEBACK = 50_000
RESULT = 256 * 1024
"""Bytes of a result as JSON: every viewer of the job gets it, and every list reads it."""
RESULT_FILE = "result.json"


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


def kept(returned: Any, progress: current_progress.Progress) -> Any:
    """What a task returned, as JSON. Raises TypeError or ValueError for what is not JSON, and
    JobError for what is too large for the database: that is in a file then."""
    result = json_values.result(returned)
    text = json.dumps(result, ensure_ascii=False)
    size = len(text.encode("utf-8", "replace"))
    if size > RESULT:
        with progress.result_file(RESULT_FILE) as file:
            file.write(text)
        raise JobError(
            f"The result is too large to be kept ({_size(size)}, {_size(RESULT)} at most):"
            f" it is in the file {RESULT_FILE}. The task should write a result file by itself."
        )
    return result


def told_to_end(error: BaseException) -> bool:
    """Whether a task ended with `error` because its process was told to end."""
    asked = isinstance(error, (KeyboardInterrupt, WorkerShutdown, WorkerTerminate))
    return asked or terminate_handler_fired()


def failed(error: BaseException, reason: str) -> Ending:
    """The end by an exception. Celery ends the process, or the worker, that raises what is no
    ordinary one, so it gets the sentence instead."""
    ordinary = isinstance(error, Exception) and not isinstance(error, MemoryError)
    told = error if ordinary else JobError(reason)
    return Ending(status=Status.FAILED, reason=reason, error=trace(error), raises=told)


def retried(retry: Retry, number: int) -> str:
    """Why a job is queued again."""
    why = f": {sentence(retry.exc)}" if isinstance(retry.exc, BaseException) else ""
    return json_values.text(f"Retry {number}{why}", REASON)


def sentence(error: BaseException) -> str:
    """What the user is told of an exception: its type and first line; a JobError's own words."""
    if isinstance(error, MemoryError):
        return "The worker process ran out of memory"
    if isinstance(error, SystemExit):
        return f"The task called sys.exit({error.code if error.code is not None else ''})"
    first = (str(error).strip().splitlines() or [""])[0]
    told = first if isinstance(error, JobError) and first else f"{type(error).__name__}: {first}"
    return json_values.text(told.rstrip(": "), REASON)


def trace(error: BaseException) -> str:
    """The end of the traceback."""
    return json_values.text("".join(traceback.format_exception(error))[-TRACEBACK:], TRACEBACK)


def _size(count: int) -> str:
    return filesizeformat(count).replace("\xa0", " ")

"""How an exception is presented: to users as a message, to the admin and the log in full except
secrets."""

import errno
import logging
import traceback
import uuid

from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils.crypto import get_random_string

from headway.conf import conf
from headway.kinds import json_values
from headway.kinds.converters import GoneError
from headway.kinds.masking import Mask
from headway.kinds.secrets import MissingError
from headway.lifecycle.actions import ActionError
from headway.stream.event import clean

logger = logging.getLogger(__name__)
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
REASON = 500
TRACEBACK = 50_000
REFERENCE = "23456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Of what a reference is made: nothing that is misread or misheard for another."""


class JobError(Exception):
    """Raised by a task to fail with a sentence that its user is shown as it stands."""


class InputError(JobError):
    """Raised by a task that refuses what it was given: another attempt at the same would end the
    same way, so its user is offered to fix the input, and no Retry."""


class MaskedError(Exception):
    """Stands for an exception whose text held a secret, wherever Celery writes about it."""


FOR_USERS = (JobError, ActionError, MissingError, GoneError, ValidationError)
"""Exceptions whose text was written for users. That of any other may tell of the inside."""


REFUSALS = (InputError, MissingError, GoneError, ValidationError)
"""Exceptions that the same input brings again."""


def sentence(error: BaseException, job: uuid.UUID, mask: Mask) -> str:
    """What users are told of an exception: the first line of what was written for them. Of any
    other a reference, under which the worker's log and, with the traceback, the admin have it."""
    if isinstance(error, MemoryError):
        return "The worker process ran out of memory"
    if isinstance(error, SystemExit) and (error.code is None or isinstance(error.code, int)):
        return f"The task called sys.exit({'' if error.code is None else error.code})"
    if is_full(error):
        noted(f"Job {job}", f"No space left: {error}")
        return "There is no space left to store files. The operator of this site has to free some"
    first = mask.text(_first_line(error))
    if isinstance(error, FOR_USERS) and first:
        return json_values.text(first, REASON)
    rest = f"{type(error).__name__}: {first}".rstrip(": ")
    reference = noted(f"Job {job}", rest)
    if settings.DEBUG and conf.JOB_SHOW_ERRORS:
        return json_values.text(f"{rest} (reference {reference})", REASON)
    return (
        "Something unexpected went wrong. The operator of this site can look it up by the reference"
        f" {reference}"
    )


def is_full(error: BaseException | None) -> bool:
    """Whether an exception says that a disk is full, or all that one may use of it."""
    return isinstance(error, OSError) and error.errno in FULL


def noted(where: str, text: str) -> str:
    """Logs what is not for users, and returns the reference by which it is found in the log."""
    reference = get_random_string(8, REFERENCE)
    # In one line each: an address may hold line breaks, and an exception what steers terminals.
    logger.error("%s: reference %s: %s", clean(where), reference, clean(text, 2000))
    return reference


def trace(error: BaseException, mask: Mask) -> str:
    """The end of the traceback, without secrets."""
    return json_values.text(mask.text(_formatted(error))[-TRACEBACK:], TRACEBACK)


def without_secrets(error: BaseException, mask: Mask) -> BaseException:
    """The exception, or what stands for it where it, or one behind it, holds a secret."""
    whole = _formatted(error)
    if mask.text(whole) == whole:
        return error
    if isinstance(error, JobError):
        return JobError(mask.text(_first_line(error)))
    return MaskedError(mask.text(f"{type(error).__name__}: {_first_line(error)}"))


def _formatted(error: BaseException) -> str:
    return "".join(traceback.format_exception(error))


def _first_line(error: BaseException) -> str:
    try:
        text = " ".join(error.messages) if isinstance(error, ValidationError) else str(error)
    except Exception:  # noqa: BLE001 - a task's exceptions may raise, too
        return ""
    return (text.strip().splitlines() or [""])[0]

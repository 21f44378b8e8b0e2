"""What a line of a log says of where it was made (request, user, job, attempt), and formatters that
write each record as one line, so that nobody can forge others."""

import json
import logging
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any

from django.utils.functional import LazyObject, empty

CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
"""What would begin another line, or steer a terminal."""
HIDDEN = "***"
"""In the place of a secret."""
FIELDS = ("request_id", "user_id", "job_id", "attempt")
_known: ContextVar[Mapping[str, Any]] = ContextVar("known", default={})  # noqa: B039 - never changed


@contextmanager
def about(**known: Any) -> Iterator[None]:
    """Within it, in this thread or task, lines say this too: `request` (a Django request that has a
    `request_id`), or any of FIELDS."""
    before = _known.get()
    _known.set({**before, **known})
    try:
        yield
    finally:
        _known.set(before)


def carried(action: Callable[[], None]) -> Callable[[], None]:
    """`action` for another thread, whose lines then say what those of this one do."""
    known = _known.get()

    def act() -> None:
        with about(**known):
            action()

    return act


def request_id() -> str:
    """Of the web request that this is done for, as in all lines of it; "" if there is none."""
    known = _known.get()
    found = known.get("request_id") or getattr(known.get("request"), "request_id", "")
    return str(found)


class Context(logging.Filter):
    """For a handler: gives each record the FIELDS that are known, and hides what is secret in the
    path of a request, such as the token of a link."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Drops nothing."""
        known = {**_known.get()}
        # Django logs refusals of a request when it has left all middleware
        request = getattr(record, "request", None) or known.get("request")
        _hide(record, request)
        known.setdefault("request_id", getattr(request, "request_id", None))
        known.setdefault("user_id", _user_id(request))
        if record.name.startswith("celery.") and isinstance(record.args, Mapping):
            known.setdefault("job_id", record.args.get("id"))
        for name in FIELDS:
            if not hasattr(record, name):
                setattr(record, name, known.get(name))
        return True


class Text(logging.Formatter):
    """One line for people; those of a traceback follow it, indented."""

    def format(self, record: logging.LogRecord) -> str:
        """With what is known, after the message."""
        known = " ".join(f"{name}={value}" for name, value in _fields(record).items())
        line = f"{_time(record)} {record.levelname} {record.name}: {record.getMessage()}"
        line = CONTROL.sub(_escaped, f"{line} [{known}]" if known else line)
        told = [CONTROL.sub(_escaped, each) for each in _traceback(self, record).split("\n")]
        return "\n    ".join([line, *filter(None, told)])


class JSON(logging.Formatter):
    """One object on one line: time, level, logger, message, what is known, `exception`, and what
    the record has as `extra={"data": {...}}`."""

    def format(self, record: logging.LogRecord) -> str:
        """ASCII alone: terminals and collectors understand it in any locale."""
        said = {
            "time": _time(record),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            **_fields(record),
            **(getattr(record, "data", None) or {}),
        }
        if told := _traceback(self, record):
            said["exception"] = told
        return json.dumps(said, default=str).replace("\x7f", "\\u007f")


def _fields(record: logging.LogRecord) -> dict[str, Any]:
    found = {name: getattr(record, name, None) for name in FIELDS}
    return {
        name: value if isinstance(value, int) else str(value)
        for name, value in found.items()
        if value not in (None, "")
    }


def _traceback(formatter: logging.Formatter, record: logging.LogRecord) -> str:
    told = formatter.formatException(record.exc_info) if record.exc_info else record.exc_text or ""
    return f"{told}\n{record.stack_info}" if record.stack_info else told


def _time(record: logging.LogRecord) -> str:
    moment = datetime.fromtimestamp(record.created, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _escaped(match: re.Match[str]) -> str:
    return match[0].encode("unicode_escape").decode()


def _hide(record: logging.LogRecord, request: Any) -> None:
    found = getattr(request, "secrets_in_path", None)  # by web/request_log.py
    for secret in found(request) if found else ():
        if secret in (told := record.getMessage()):
            record.msg, record.args = told.replace(secret, HIDDEN), None


def _user_id(request: Any) -> Any:
    """The user's primary key, if that has been found out: a line asks no database."""
    own = getattr(request, "__dict__", {})
    user = own.get("_cached_user") or own.get("_acached_user") or own.get("user")
    if isinstance(user, LazyObject) and vars(user)["_wrapped"] is empty:
        return None
    return getattr(user, "pk", None)

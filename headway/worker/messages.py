"""What a message of the queue may contain: Celery trusts all of it, and a worker dies of a
value with an unexpected type."""

import logging
import math
import time
from collections.abc import Callable, Mapping
from pathlib import PurePath
from typing import Any

from celery.app.task import Context
from celery.utils.time import maybe_iso8601, maybe_make_aware

logger = logging.getLogger(__name__)
Check = Callable[[Any], bool]

OURS = "headway"
"""Header of messages that are sent for a row: the version of their format. A task without it was
sent from elsewhere."""
VERSION = 1
"""A message carries nothing but the id of its row. A worker that gets a later version drops it, and
the janitor sends another one until a worker of that release takes it."""
MAX_SECONDS = 10**9
LATEST = 32_503_680_000.0
"""The year 3000, as a Unix time."""
QUIET = 10.0
"""Seconds after a line in which further refusals are only counted."""


class MessageError(ValueError):
    """A message is none that Celery's protocol 2 knows; the text says what is wrong."""


def _word(value: Any, longest: int = 255) -> bool:
    """Printable, and so without line breaks and halves of characters."""
    return isinstance(value, str) and len(value) <= longest and value.isprintable()


def _text(value: Any) -> bool:
    return isinstance(value, str)


def _count(value: Any) -> bool:
    return type(value) is int and 0 <= value <= MAX_SECONDS


def _flag(value: Any) -> bool:
    return isinstance(value, bool)


def _seconds(value: Any) -> bool:
    number = type(value) in (int, float) and math.isfinite(value)
    return value is None or (number and 0 <= value <= MAX_SECONDS)


def _limits(value: Any) -> bool:
    return isinstance(value, (list, tuple)) and len(value) == 2 and all(map(_seconds, value))


def _moment(value: Any) -> bool:
    try:
        moment = maybe_iso8601(value)
        return moment is not None and 0 < maybe_make_aware(moment).timestamp() < LATEST
    except (ValueError, TypeError, AttributeError, OverflowError):
        return False


def _words(value: Any) -> bool:
    return isinstance(value, (list, tuple)) and all(map(_word, value))


def _mapping(value: Any) -> bool:
    return isinstance(value, Mapping) and all(map(_word, value))


def _signature(value: Any) -> bool:
    return isinstance(value, (list, tuple, Mapping))


HEADERS: dict[str, Check] = {
    **dict.fromkeys(("lang", "shadow", "group", "root_id", "parent_id", "origin"), _word),
    **dict.fromkeys(("argsrepr", "kwargsrepr"), _text),
    **dict.fromkeys(("retries", "group_index", "replaced_task_nesting"), _count),
    **dict.fromkeys(("eta", "expires"), _moment),
    "timelimit": _limits,
    "ignore_result": _flag,
    OURS: _count,
    "stamped_headers": _words,
    "stamps": _mapping,
    "headers": _mapping,
}
PROPERTIES: dict[str, Check] = {
    **dict.fromkeys(("correlation_id", "reply_to", "body_encoding"), _word),
    "priority": _count,
    "delivery_info": _mapping,
}
EMBEDDED: dict[str, Check] = dict.fromkeys(("callbacks", "errbacks", "chain", "chord"), _signature)
METHODS = frozenset(name for name in dir(Context) if callable(getattr(Context, name)))
"""Headers become attributes of a task's request, and would stand in for these."""


def require_task(headers: Any, properties: Any, body: Any) -> None:
    """Raises MessageError unless this is a task of Celery's protocol 2, its body decoded."""
    if not _mapping(headers) or not _mapping(properties):
        raise MessageError("headers and properties have to be objects")
    for name in ("task", "id"):
        if not (headers.get(name) and _word(headers[name])):
            raise MessageError(f"the header {name!r} has to be a word")
    version = headers.get(OURS)
    if _count(version) and version > VERSION:
        told = f"it is of version {version}, this worker reads {VERSION}"
        raise MessageError(f"{told}; its job waits for a newer one")
    _require(headers, HEADERS, "header")
    _require(properties, PROPERTIES, "property")
    for name in METHODS & set(headers):
        raise MessageError(f"the header {name!r} is not known")
    if not isinstance(body, (list, tuple)) or len(body) != 3:
        raise MessageError("the body has to be a list of three")
    args, kwargs, embedded = body
    if not isinstance(args, (list, tuple)) or not _mapping(kwargs):
        raise MessageError("arguments have to be a list and an object")
    if not _mapping(embedded or {}) or not set(embedded or {}) <= set(EMBEDDED):
        raise MessageError("the third part of the body says what it may not")
    _require(embedded or {}, EMBEDDED, "part of the body")


def require_envelope(raw: Any) -> None:
    """Raises MessageError unless this is what kombu stores in Redis around a message."""
    if not isinstance(raw, dict) or not isinstance(raw.get("properties"), dict):
        raise MessageError("it is no object with properties")
    properties = raw["properties"]
    _require(properties, PROPERTIES, "property")
    tag, place = properties.get("delivery_tag"), properties.get("delivery_info") or {}
    if not (tag and _word(tag)):
        raise MessageError("the property 'delivery_tag' has to be a word")
    if not all(_word(place.get(name)) for name in ("exchange", "routing_key")):
        raise MessageError("the property 'delivery_info' has to name exchange and routing key")
    for name in ("content-type", "content-encoding", "body"):
        if not isinstance(raw.get(name) or "", str):
            raise MessageError(f"{name!r} has to be a text")
    headers = raw.get("headers") or {}
    if not _mapping(headers) or not _word(headers.get("compression") or ""):
        raise MessageError("the headers have to be an object")


def refuse(error: BaseException) -> None:
    """Says in one line that a message was dropped, why, and which of our lines found it: that
    tells somebody's mistake from ours. Whoever sends thousands does not fill the log."""
    global _unsaid, _newest
    _unsaid += 1
    _newest = f"{f'{type(error).__name__}: {error}'[:300]!r} at {_place(error)}"
    tell()


def tell() -> None:
    """Says what was only counted so far; also called at each heartbeat."""
    global _quiet_until, _unsaid
    if not _unsaid or time.monotonic() < _quiet_until:
        return
    many = f"{_unsaid} messages of the queue are" if _unsaid > 1 else "A message of the queue is"
    logger.warning("%s dropped: %s", many, _newest)
    _quiet_until, _unsaid = time.monotonic() + QUIET, 0


def _require(found: Mapping[str, Any], checks: Mapping[str, Check], what: str) -> None:
    for name, check in checks.items():
        if found.get(name) is not None and not check(found[name]):
            raise MessageError(f"the {what} {name!r} cannot be {str(found[name])[:50]!r}")


def _place(error: BaseException) -> str:
    step = error.__traceback__
    while step and step.tb_next:
        step = step.tb_next
    return f"{PurePath(step.tb_frame.f_code.co_filename).name}:{step.tb_lineno}" if step else "-"


_quiet_until, _unsaid, _newest = 0.0, 0, ""

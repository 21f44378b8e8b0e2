"""Makes lines of a job's log of what its task's own code logs by Python's logging, where the
setting CAPTURE_LOGGING asks for it."""

import logging
from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from functools import cache
from typing import Any

from headway.conf import conf
from headway.stream.event import level_of
from headway.worker import current_progress

_speaks: ContextVar[bool] = ContextVar("speaks", default=False)
"""Within a record that is being told: what that logs is none."""


def install() -> None:
    """Listens to the loggers that CAPTURE_LOGGING names, each with its lowest level: "shop" (INFO),
    "shop.tax:DEBUG", ":WARNING" (all loggers)."""
    _install(tuple(conf.CAPTURE_LOGGING))


@cache
def _install(wanted: Sequence[str]) -> None:
    """A logger whose own level is higher is lowered: it would not even make the records."""
    for each in wanted:
        name, _, level = each.partition(":")
        number = logging.getLevelNamesMapping().get(level.upper(), logging.INFO)
        logger = logging.getLogger(name or None)
        logger.addHandler(Handler(number))
        if logger.getEffectiveLevel() > number:
            logger.setLevel(number)


class Handler(logging.Handler):
    """Only what is logged in a task's own context is a line: not by threads of the worker, nor by
    code of this package. One that comes to two loggers is one line."""

    def emit(self, record: logging.LogRecord) -> None:
        progress = current_progress.here()
        own = record.name.partition(".")[0] == "headway"
        if progress is None or own or _speaks.get() or vars(record).get("in_job") is progress:
            return
        vars(record)["in_job"] = progress
        token = _speaks.set(True)
        try:
            progress.log(_text(record, progress), level_of(record.levelno))
        except Exception:  # noqa: BLE001 - objects in a record raise anything
            self.handleError(record)
        finally:
            _speaks.reset(token)


def _text(record: logging.LogRecord, progress: current_progress.Running) -> str:
    """The message, in which exceptions are told as users are told of them; without a traceback."""

    def told(value: Any) -> Any:
        return progress.told(value) if isinstance(value, BaseException) else value

    message, args = str(told(record.msg)), record.args
    if isinstance(args, Mapping):
        return message % {name: told(value) for name, value in args.items()}
    return message % tuple(map(told, args)) if args else message

"""How this site logs: in one format from all processes, and a bad request gets one line."""

import logging
from typing import Any

FORMATS = {"text": "headway.logs.Text", "json": "headway.logs.JSON"}
MAX_LENGTH = 500
"""Characters of such a line at most: paths and hosts can be of any length."""


def log_format(text: str) -> str:
    """The setting LOG_FORMAT. Raises ValueError for what it does not know."""
    if text.lower() not in FORMATS:
        raise ValueError(f"{text!r} is none of {', '.join(FORMATS)}")
    return text.lower()


def log_level(text: str) -> str:
    """The setting LOG_LEVEL. Raises ValueError for what is no level."""
    known = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
    if text.upper() not in known:
        raise ValueError(f"{text!r} is none of {', '.join(known)}")
    return text.upper()


def logging_config(chosen: str, level: str) -> dict[str, Any]:
    """The setting LOGGING: one handler for all, also for what web servers log. Uvicorn's own lines
    about requests are left out, since ours know the client, the user and the request."""
    ours: dict[str, Any] = {"handlers": [], "propagate": True}
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"line": {"()": FORMATS[chosen]}},
        "filters": {
            "one_line": {"()": "progress.logs.OneLine"},
            "context": {"()": "headway.logs.Context"},
        },
        "handlers": {
            "stdout": {
                "filters": ["one_line", "context"],
                "class": "logging.StreamHandler",
                "stream": "ext://sys.stdout",
                "formatter": "line",
            }
        },
        "loggers": {
            "django": ours,
            "django.server": ours,
            "uvicorn": ours,
            "uvicorn.access": ours | {"level": "WARNING"},
        },
        "root": {"handlers": ["stdout"], "level": level},
    }


class OneLine(logging.Filter):
    """Leaves the traceback out where a request was refused, which Django logs with one, and where
    the web server could not read it. What fails in a view (status 500) keeps its own."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Shortens the record; never drops it."""
        refused = getattr(record, "status_code", 500) < 500
        unread = record.name.startswith("daphne.") and str(record.msg).startswith("Traceback")
        if refused or unread or record.name.startswith("django.security"):
            record.exc_info = record.exc_text = None
            record.msg, record.args = _last_line(record.getMessage()), None
        return True


def _last_line(text: str) -> str:
    """Of a traceback that says what happened."""
    *_, last = text.strip().splitlines() or [""]
    return last if len(last) <= MAX_LENGTH else f"{last[:MAX_LENGTH]}..."

"""Keeps bad requests from filling the logs: each gets one line."""

import logging

MAX_LENGTH = 500
"""Characters of such a line at most: paths and hosts can be of any length."""


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

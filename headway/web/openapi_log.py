"""What may be asked of a job's log, for the OpenAPI document."""

from typing import Any

from headway.web.log_pages import MAX_TEXT

_NUMBER = {"type": "integer", "minimum": 1, "maximum": 999999999}


def _asked(name: str, description: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "in": "query", "description": description, "schema": schema}


LOG_PARAMETERS = {
    "attempt": _asked("attempt", "By default the newest.", _NUMBER),
    "before": _asked("before", "Only lines before the one with this number, as JSON.", _NUMBER),
    "after": _asked("after", "Only lines after the one with this number, as JSON.", _NUMBER),
    "find": _asked(
        "find",
        "Only lines with this text, in either case, as JSON: the last ones.",
        {"type": "string", "maxLength": MAX_TEXT},
    ),
    "level": _asked(
        "level", "Only warnings and errors, as JSON.", {"type": "string", "enum": ["warning"]}
    ),
}

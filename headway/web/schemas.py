"""JSON Schemas (2020-12) of what programs send and get: a job's snapshot, a problem, and
parameters, which forms know."""

from collections.abc import Iterator
from typing import Any

from django import forms

from headway.kinds import secrets
from headway.models import Status

Schema = dict[str, Any]

_NUMBER_OR_NULL: Schema = {"type": ["number", "null"], "minimum": 0}
_MOMENT_OR_NULL: Schema = {"type": ["string", "null"], "format": "date-time"}
SNAPSHOT: Schema = {
    "title": "snapshot",
    "type": "object",
    "required": [
        *("job", "kind", "title", "unit", "stalled_after", "attempt", "status", "reason"),
        *("created", "started", "finished", "result", "files"),
    ],
    "properties": {
        "job": {"type": "string", "format": "uuid"},
        "kind": {"type": "string", "minLength": 1},
        "title": {"type": "string"},
        "unit": {"type": "string"},
        "stalled_after": {"type": ["number", "null"], "exclusiveMinimum": 0},
        "attempt": {"type": "integer", "minimum": 0},
        "status": {"enum": Status.values},
        "reason": {"type": "string", "maxLength": 500},
        "created": {"type": "string", "format": "date-time"},
        "started": _MOMENT_OR_NULL,
        "finished": _MOMENT_OR_NULL,
        "result": True,
        "files": {"type": "array", "items": {"type": "string"}},
        "percent": _NUMBER_OR_NULL | {"maximum": 100},
        "current": _NUMBER_OR_NULL | {"maximum": 1e15},
        "total": _NUMBER_OR_NULL | {"maximum": 1e15},
        "message": {"type": "string", "maxLength": 500},
        "phase": {"type": "string", "maxLength": 100},
        "rate": {"type": ["number", "null"], "exclusiveMinimum": 0},
        "eta": {"type": ["integer", "null"], "minimum": 0},
        "elapsed": _NUMBER_OR_NULL,
        "warnings": {"type": "integer", "minimum": 0},
        "quiet": _NUMBER_OR_NULL,
        "stalled": {"type": "boolean"},
    },
}
"""The schema of a job's snapshot, as docs/protocol.md has it."""
PROBLEM: Schema = {
    "title": "problem",
    "description": "Problem details (RFC 9457).",
    "type": "object",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"const": "about:blank"},
        "title": {"type": "string"},
        "status": {"type": "integer", "minimum": 400, "maximum": 599},
        "detail": {"type": "string", "description": "A sentence for people."},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["pointer", "detail"],
                "properties": {"pointer": {"type": "string"}, "detail": {"type": "string"}},
            },
        },
    },
}
_LENGTHS = {"minLength": "min_length", "maxLength": "max_length"}


def parameters(form: type[forms.Form]) -> Schema:
    """The JSON Schema of what fills a form."""
    fields, hidden = form.base_fields, secrets.fields(form)
    return {
        "type": "object",
        "properties": {
            name: field_schema(field, secret=name in hidden) for name, field in fields.items()
        },
        "required": [n for n, field in fields.items() if field.required and field.initial is None],
        "additionalProperties": False,
    }


def field_schema(field: forms.Field, *, secret: bool = False) -> Schema:
    """The JSON Schema of one field of a form; that of a secret names no default."""
    described: Schema = {"title": str(field.label)} if field.label else {}
    if field.help_text:
        described["description"] = str(field.help_text)
    if secret:
        described["writeOnly"] = True
    elif field.initial is not None and not callable(field.initial):
        described["default"] = field.initial
    return described | _type(field)


def _type(field: forms.Field) -> Schema:
    if isinstance(field, forms.FileField):
        return {"type": "string", "contentMediaType": "application/octet-stream"}
    if isinstance(field, forms.ChoiceField):
        choice: Schema = {"enum": list(_choices(field.choices))}
        many = isinstance(field, forms.MultipleChoiceField)
        return {"type": "array", "items": choice} if many else choice
    if isinstance(field, forms.BooleanField):
        return {"type": "boolean"}
    if isinstance(field, forms.IntegerField):  # the others of numbers are ones, too
        whole = not isinstance(field, (forms.FloatField, forms.DecimalField))
        kind = "integer" if whole else "number"
        bounds = {"minimum": field.min_value, "maximum": field.max_value}
    else:
        kind = "string"
        bounds = {name: getattr(field, slot, None) for name, slot in _LENGTHS.items()}
        if field.required:
            bounds["minLength"] = bounds["minLength"] or 1
    return {"type": kind, **{name: bound for name, bound in bounds.items() if bound is not None}}


def _choices(choices: Any) -> Iterator[str]:
    """The values, those within groups as well."""
    for value, label in choices:
        if isinstance(label, (list, tuple)):
            yield from _choices(label)
        else:
            yield str(value)

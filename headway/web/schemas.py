"""JSON Schemas (2020-12) of what programs send and get: a job's snapshot, a problem, and
parameters, taken from forms."""

from collections.abc import Iterator
from types import NoneType
from typing import Annotated, Any, get_args, get_origin, get_type_hints

from django import forms

from headway.kinds import secrets
from headway.kinds.fields import Lines, Object
from headway.models import Status
from headway.stream.event import Snapshot, State

Schema = dict[str, Any]

_TYPES = {str: "string", int: "integer", float: "number", bool: "boolean", NoneType: "null"}


def fields(shape: type) -> dict[str, Schema | bool]:
    """The properties of a TypedDict of headway/stream/event.py."""
    hints = get_type_hints(shape, include_extras=True)
    return {name: _field(hint) for name, hint in hints.items()} | {"status": STATUS}


def _field(hint: Any) -> Schema | bool:
    if hint is Any:
        return True
    if get_origin(hint) is Annotated:
        plain, bounds = get_args(hint)
        return {**_plain(plain), **bounds}
    return _plain(hint)


def _plain(hint: Any) -> Schema:
    if get_origin(hint) is list:
        return {"type": "array", "items": _field(*get_args(hint))}
    return {"type": [_TYPES[each] for each in get_args(hint)] or _TYPES[hint]}


STATUS: Schema = {"enum": Status.values}
SNAPSHOT: Schema = {
    "title": "snapshot",
    "type": "object",
    "required": [name for name in State.__annotations__ if name in State.__required_keys__],
    "properties": fields(Snapshot),
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
    if isinstance(field, forms.ModelChoiceField):
        return _keys(field)
    if isinstance(field, Lines):  # a program may also write one a line
        return {"type": ["array", "string"], "items": _type(field.item)}
    if isinstance(field, forms.JSONField):
        return {"type": "object"} if isinstance(field, Object) else {}
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


def _keys(field: forms.Field) -> Schema:
    """Of a row its key, not which there are: those may be many, and are not for everyone."""
    key: Schema = {"type": ["string", "integer"]}
    many = isinstance(field, forms.ModelMultipleChoiceField)
    return {"type": "array", "items": key} if many else key


def _choices(choices: Any) -> Iterator[str]:
    """The values, those within groups as well."""
    for value, label in choices:
        if isinstance(label, (list, tuple)):
            yield from _choices(label)
        else:
            yield str(value)

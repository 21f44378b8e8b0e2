"""Which types a parameter may have: the form field of each, and how it becomes JSON and back."""

import datetime
import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace
from decimal import Decimal, InvalidOperation
from enum import Enum
from functools import partial
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin

from django import forms
from django.conf import settings
from django.core.exceptions import ObjectDoesNotExist
from django.db.models import Model, QuerySet
from django.utils.dateparse import parse_duration
from django.utils.duration import duration_iso_string
from django.utils.text import capfirst
from django.utils.timezone import is_naive

from headway.kinds import fields, json_values, secrets

Value = TypeVar("Value")


class UnsupportedError(TypeError):
    """No parameter can have this type; the message says which can."""


class GoneError(Exception):
    """A row that a job was started with has been deleted; the message is a sentence for users."""


@dataclass(frozen=True, kw_only=True)
class Converter:
    """What the app does with values of one type."""

    kind: type
    """What the values are; `object` where that is not known."""
    field: Callable[..., forms.Field]
    """Makes the form field, of the options that every Django field takes."""
    to_json: Callable[[Any], Any] = json_values.parameter
    """A value, or what JSON made of one, as it is stored. Raises ValueError with a sentence."""
    from_json: Callable[[Any], Any] = lambda stored: stored
    """The value again, from what is stored. Raises ValueError and GoneError."""
    optional: bool = False
    """Whether None is a value."""
    blank: bool = False
    """Whether a field that is left empty gives a value of this type."""
    offers: bool = False
    """Whether the field offers choices."""


def of(annotation: Any) -> Converter:
    """The converter of an annotation. Raises UnsupportedError."""
    if isinstance(annotation, type) and annotation in PLAIN:
        return PLAIN[annotation]
    for is_one, converter in COMPOUND:
        if is_one(annotation):
            return converter(annotation)
    raise UnsupportedError(
        f"{getattr(annotation, '__name__', annotation)} is none of the types that a parameter can"
        " have: int, float, str, bool, date, datetime, time, timedelta, Decimal, UUID, an Enum, a"
        " Literal, a model, list[...] or dict of these, or one of them | None"
    )


def _textual(
    kind: type[Value],
    name: str,
    dump: Callable[[Value], str],
    load: Callable[[str], Value],
    field: Callable[..., forms.Field],
) -> Converter:
    """A type whose values JSON holds as text."""

    def to_json(value: Any) -> str:
        known = _read(name, load, value) if isinstance(value, str) else value
        if not isinstance(known, kind) or (kind is datetime.date and hasattr(known, "hour")):
            raise ValueError(f"{type(value).__name__} is not {name}")
        return dump(known)

    return Converter(kind=kind, field=field, to_json=to_json, from_json=partial(_read, name, load))


def _read(name: str, load: Callable[[str], Value], text: Any) -> Value:
    try:
        return load(text)
    except (ValueError, TypeError, InvalidOperation) as error:
        raise ValueError(f"{str(text)[:50]!r} is not {name}") from error


def _moment(value: datetime.datetime) -> str:
    if settings.USE_TZ and is_naive(value):
        raise ValueError("it has no time zone: use django.utils.timezone.now() or make_aware")
    return value.isoformat()


def _decimal(value: Decimal) -> str:
    if not value.is_finite():
        raise ValueError("NaN and infinity cannot be stored")
    return str(value)


def _object(value: Any) -> Any:
    if not isinstance(value, dict):
        raise ValueError(f"{type(value).__name__} is not a dict")
    return json_values.parameter(value)


def _duration(text: str) -> datetime.timedelta:
    found = parse_duration(text)
    if found is None:
        raise ValueError(text)
    return found


PLAIN: dict[type, Converter] = {
    int: Converter(kind=int, field=forms.IntegerField),
    float: Converter(kind=float, field=forms.FloatField),
    str: Converter(kind=str, field=forms.CharField, blank=True),
    bool: Converter(kind=bool, field=fields.flag, blank=True),
    dict: Converter(kind=dict, field=fields.Object, to_json=_object),
    object: Converter(kind=object, field=forms.CharField, blank=True),
    datetime.date: _textual(
        *(datetime.date, "a date", datetime.date.isoformat, datetime.date.fromisoformat),
        field=partial(forms.DateField, widget=fields.DateInput),
    ),
    datetime.datetime: _textual(
        *(datetime.datetime, "a date and time", _moment, datetime.datetime.fromisoformat),
        field=partial(forms.DateTimeField, widget=fields.DateTimeInput),
    ),
    datetime.time: _textual(
        *(datetime.time, "a time", datetime.time.isoformat, datetime.time.fromisoformat),
        field=partial(forms.TimeField, widget=fields.TimeInput),
    ),
    datetime.timedelta: _textual(
        *(datetime.timedelta, "a duration", duration_iso_string, _duration),
        field=forms.DurationField,
    ),
    Decimal: _textual(Decimal, "a decimal number", _decimal, Decimal, forms.DecimalField),
    uuid.UUID: _textual(uuid.UUID, "a UUID", str, uuid.UUID, forms.UUIDField),
}


def _annotated(annotation: Any) -> Converter:
    kind, *extras = get_args(annotation)
    inner = of(kind)
    said = " ".join(each for each in extras if isinstance(each, str))
    checks = [each for each in extras if callable(each) and not secrets.is_marked(each)]

    def field(**options: Any) -> forms.Field:
        validators = [*options.pop("validators", ()), *checks]
        return inner.field(**{"help_text": said, **options}, validators=validators)

    return replace(inner, field=field)


def _optional(annotation: Any) -> Converter:
    kinds = [kind for kind in get_args(annotation) if kind is not NoneType]
    if len(kinds) != 1 or len(kinds) == len(get_args(annotation)):
        raise UnsupportedError(f"{annotation} may be several types: only X | None is possible")
    inner = of(kinds[0])
    empty = {"empty_value": None} if inner.field is forms.CharField else {}
    return replace(
        inner,
        optional=True,
        field=lambda **options: inner.field(**options, **empty),
        to_json=lambda value: None if value is None else inner.to_json(value),
        from_json=lambda stored: None if stored is None else inner.from_json(stored),
    )


def _choice(choices: dict[str, tuple[Any, str]], **converter: Any) -> Converter:
    return Converter(kind=object, field=partial(fields.choice, choices), offers=True, **converter)


def _literal(annotation: Any) -> Converter:
    values = get_args(annotation)

    def to_json(value: Any) -> Any:
        if value not in values:
            raise ValueError(f"{value!r} is none of {', '.join(map(repr, values))}")
        return json_values.parameter(value)

    return _choice({str(value): (value, str(value)) for value in values}, to_json=to_json)


def _enum(annotation: type[Enum]) -> Converter:
    try:
        members = {json_values.parameter(each.value): each for each in annotation}
    except (ValueError, TypeError):
        raise UnsupportedError(
            f"the members of {annotation.__name__} have values that are no JSON"
        ) from None

    def from_json(stored: Any) -> Enum:
        try:
            return members[stored]
        except (KeyError, TypeError):
            raise ValueError(f"{stored!r} is no {annotation.__name__}") from None

    def to_json(value: Any) -> Any:
        member = value if isinstance(value, annotation) else from_json(value)
        return json_values.parameter(member.value)

    def label(member: Enum) -> str:
        return str(getattr(member, "label", member.name.replace("_", " ").capitalize()))

    choices = {str(each.value): (each, label(each)) for each in annotation}
    return _choice(choices, to_json=to_json, from_json=from_json)


def _model(annotation: type[Model]) -> Converter:
    called = str(annotation._meta.verbose_name)

    def to_json(value: Any) -> Any:
        if isinstance(value, annotation):
            if value.pk is None or value._state.adding:
                raise ValueError(f"this {called} is not saved")
            value = value.pk
        elif isinstance(value, Model):
            raise ValueError(f"{type(value).__name__} is not {annotation.__name__}")
        elif not isinstance(value, str | int | uuid.UUID) or isinstance(value, bool):
            raise ValueError(f"{value!r} is not the key of a {called}")
        return value if isinstance(value, int) else str(value)

    def from_json(stored: Any) -> Model:
        try:
            return annotation._default_manager.get(pk=stored)
        except ObjectDoesNotExist:
            raise GoneError(f"{capfirst(called)} {stored} no longer exists.") from None

    field = partial(fields.key, annotation)
    return Converter(kind=annotation, field=field, to_json=to_json, from_json=from_json)


def _list(annotation: Any) -> Converter:
    item = of((get_args(annotation) or (object,))[0])

    def to_json(values: Any) -> list[Any]:
        if not isinstance(values, list | tuple | QuerySet):
            raise ValueError(f"{type(values).__name__} is not a list")
        return [item.to_json(each) for each in values]

    return Converter(
        kind=list,
        field=partial(fields.several, item.field),
        to_json=to_json,
        from_json=lambda stored: [item.from_json(each) for each in stored],
        blank=True,
    )


def _has_origin(*origins: Any) -> Callable[[Any], bool]:
    return lambda annotation: get_origin(annotation) in origins


def _is_a(base: type) -> Callable[[Any], bool]:
    return lambda annotation: isinstance(annotation, type) and issubclass(annotation, base)


COMPOUND: list[tuple[Callable[[Any], bool], Callable[[Any], Converter]]] = [
    (_has_origin(Annotated), _annotated),
    (_has_origin(Union, UnionType), _optional),
    (_has_origin(Literal), _literal),
    (_has_origin(list), _list),
    (_has_origin(dict), lambda _: PLAIN[dict]),
    (lambda annotation: annotation is list, _list),
    (lambda annotation: annotation is Any or isinstance(annotation, str), lambda _: PLAIN[object]),
    (_is_a(Enum), _enum),
    (_is_a(Model), _model),
]
"""Types that are made of others, or that a project makes."""

"""Whether a start form fits its task; checked when the task is declared."""

import datetime
import inspect
import uuid
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from headway.kinds import parameters
from headway.kinds.converters import Converter

SAMPLES: dict[type[forms.Field], Any] = {
    forms.CharField: "text",
    forms.URLField: "https://example.org",
    forms.GenericIPAddressField: "127.0.0.1",
    forms.IntegerField: 1,
    forms.FloatField: 0.5,
    forms.DecimalField: Decimal("0.5"),
    forms.BooleanField: True,
    forms.DateField: datetime.date(2000, 1, 1),
    forms.TimeField: datetime.time(12),
    forms.DateTimeField: datetime.datetime(2000, 1, 1, tzinfo=datetime.UTC),
    forms.SplitDateTimeField: datetime.datetime(2000, 1, 1, tzinfo=datetime.UTC),
    forms.DurationField: datetime.timedelta(1),
    forms.UUIDField: uuid.UUID(int=0),
    forms.FileField: "uploads/file",
    forms.ImageField: "uploads/file",
}
"""What each field of Django gives; of an upload the task gets the name."""
OWN_WAYS = ("__init__", "clean", "full_clean")
"""Methods by which a form may have other fields, or give other values, than it declares."""


def check(function: Callable[..., Any], form: type[forms.Form], *, bound: bool = False) -> None:
    """Raises TypeError where what `form` gives is not what `function` takes.

    What a form does in `clean`, and fields with a class or a `clean_<name>` of their own, are not
    known before the form is filled in. A `bound` function takes its task first.
    """
    takes = dict([*parameters.signature(function).parameters.items()][bool(bound) :])
    given = {parameter.kind for parameter in takes.values()}
    known: dict[str, forms.Field] = form.base_fields
    problems = [*_types(form, takes)]
    if all(getattr(form, each) is getattr(forms.Form, each) for each in OWN_WAYS):
        named = takes if inspect.Parameter.VAR_KEYWORD not in given else known
        unknown = ", ".join(sorted(known.keys() - named.keys()))
        needed = {n for n, each in takes.items() if _is_needed(each)}
        missing = ", ".join(sorted(needed - known.keys()))
        problems += [f"it takes no {unknown}"] if unknown else []
        problems += [f"there is no field for {missing}"] if missing else []
    if problems:
        raise TypeError(f"{function.__name__} and {form.__name__}: {'; '.join(problems)}")


def _is_needed(parameter: inspect.Parameter) -> bool:
    variable = (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL)
    return parameter.default is parameter.empty and parameter.kind not in variable


def _types(form: type[forms.Form], takes: Any) -> Iterator[str]:
    known: dict[str, forms.Field] = form.base_fields
    for name in known.keys() & takes.keys():
        if hasattr(form, f"clean_{name}"):
            continue
        field, converter = known[name], parameters.converter(takes[name])
        none = converter.optional or takes[name].default is None
        for sample in _samples(field):
            if (sample is not None or not none) and (wrong := _wrong(converter, sample)):
                yield f"the field {name!r} may give {sample!r}, which does not fit: {wrong}"
                break


def _samples(field: forms.Field) -> Iterator[Any]:
    """Values that a field may give, as far as they are known."""
    if isinstance(field, forms.ModelMultipleChoiceField):
        yield [_row(field)]
    elif isinstance(field, forms.ModelChoiceField):
        yield _row(field)
    elif isinstance(field, forms.ChoiceField):
        yield from _chosen(field)
    elif known := _base(field):
        yield SAMPLES[known]
        if not field.required and _cleaned(field, "") is None:
            yield None


def _base(field: forms.Field) -> type[forms.Field] | None:
    """The class of Django's that says what a field gives; None where its own does."""
    own = type(field)
    base = next((each for each in own.__mro__ if each in SAMPLES), None)
    same = base and own.to_python is base.to_python and own.clean is base.clean
    return base if same else None


def _cleaned(field: forms.Field, value: Any) -> Any:
    try:
        return field.clean(value)
    except ValidationError:
        return value


def _chosen(field: forms.ChoiceField) -> Iterator[Any]:
    many = isinstance(field, forms.MultipleChoiceField)
    coerce = getattr(field, "coerce", str)
    choices: Any = field.choices
    if not isinstance(choices, list):  # a function, which may ask the database
        return
    flat = [key for key, label in choices if not isinstance(label, list | tuple)]
    for key in flat:
        if key not in field.empty_values:
            yield [coerce(str(key))] if many else coerce(str(key))


def _row(field: Any) -> Any:
    row = field.queryset.model(pk=1)
    row._state.adding = False
    return row


def _wrong(converter: Converter, sample: Any) -> str:
    """Why a value does not fit; "" where it does."""
    plain = converter.kind in (int, float, str, bool)
    fits = (int, float) if converter.kind is float else converter.kind
    if plain and not isinstance(sample, fits):
        return f"it is not {converter.kind.__name__}"
    try:
        converter.to_json(sample)
    except ValueError as error:
        return str(error)
    return ""

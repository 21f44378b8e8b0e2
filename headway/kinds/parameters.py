"""A task's parameters: the form its annotations describe, and binding of what it is called with."""

import inspect
from collections.abc import Callable, Collection, Mapping, Sequence
from enum import Enum
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from django import forms

from headway.kinds import json_values, secrets

EMPTY = inspect.Parameter.empty


class ParameterError(ValueError):
    """The parameters do not fit the task; the message says which and why."""


def signature(function: Callable[..., Any]) -> inspect.Signature:
    """What a function takes, its annotations resolved if that is possible here."""
    try:
        return inspect.signature(function, eval_str=True)
    except NameError:  # imported for type checkers only
        return inspect.signature(function)


def bind(
    name: str, takes: inspect.Signature, args: Sequence[Any], kwargs: Mapping[str, Any]
) -> dict[str, Any]:
    """The arguments of one call by name. Raises ParameterError for missing or unknown ones."""
    try:
        bound = dict(takes.bind(*args, **kwargs).arguments)
    except TypeError as error:
        names = ", ".join(takes.parameters) or "no parameters"
        raise ParameterError(f"{name}: {error}; it takes {names}.") from error
    for parameter in takes.parameters.values():
        if parameter.kind is parameter.VAR_KEYWORD:
            bound |= bound.pop(parameter.name, {})
    return bound


def stored(name: str, params: Mapping[str, Any]) -> dict[str, Any]:
    """Parameters as the database keeps them. Raises ParameterError for what is not JSON."""
    kept = {}
    for key, value in params.items():
        try:
            kept[key] = json_values.parameter(value)
        except ValueError as error:
            raise ParameterError(f"{name}: the value of {key!r} will not do: {error}.") from error
    return kept


def revived(takes: inspect.Signature, params: Mapping[str, Any]) -> dict[str, Any]:
    """Stored parameters as the task wants them: members of the Enum that an annotation names."""
    kept = dict(params)
    for key in kept.keys() & takes.parameters.keys():
        kind = _described(takes.parameters[key]).kind
        if isinstance(kind, type) and issubclass(kind, Enum) and kept[key] is not None:
            kept[key] = kind(kept[key])
    return kept


def marked(takes: inspect.Signature) -> frozenset[str]:
    """The parameters whose annotation has `Secret` in it."""
    found = takes.parameters.items()
    return frozenset(name for name, each in found if secrets.is_marked(each.annotation))


def check(function: Callable[..., Any]) -> None:
    """Raises TypeError when parameters of `function` have no names to store them under."""
    for parameter in inspect.signature(function).parameters.values():
        if parameter.kind in (parameter.POSITIONAL_ONLY, parameter.VAR_POSITIONAL):
            raise TypeError(
                f"{function.__name__}: a job's parameters are stored by name, "
                f"so {str(parameter)!r} cannot be one"
            )


def form(takes: inspect.Signature) -> type[forms.Form]:
    """A form with one field for each parameter, by its annotation or else its default."""
    fields = {
        name: _field(parameter)
        for name, parameter in takes.parameters.items()
        if parameter.kind is not parameter.VAR_KEYWORD
    }
    optional = {name for name in fields if takes.parameters[name].default is not EMPTY}
    return type("ParametersForm", (_ParametersForm,), {**fields, "optional": optional})


class _ParametersForm(forms.Form):
    """A secret that is left empty is left out, so that the function's default counts: that is
    shown to nobody."""

    optional: Collection[str] = ()

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        may_go = secrets.fields(self) & set(self.optional)
        return {n: v for n, v in cleaned.items() if n not in may_go or v not in ("", None)}


class _Described:
    """An annotation taken apart: the plain type, whether None is allowed, and Annotated extras."""

    def __init__(self, annotation: Any) -> None:
        self.optional = False
        self.extras: tuple[Any, ...] = ()
        if get_origin(annotation) is Annotated:
            annotation, *extras = get_args(annotation)
            self.extras = tuple(extras)
        if get_origin(annotation) in (Union, UnionType):
            kinds = [kind for kind in get_args(annotation) if kind is not NoneType]
            self.optional = len(kinds) < len(get_args(annotation))
            annotation = kinds[0] if len(kinds) == 1 else str
        if get_origin(annotation) is Annotated:  # within an optional one
            annotation, *extras = get_args(annotation)
            self.extras += tuple(extras)
        self.kind = annotation


def _described(parameter: inspect.Parameter) -> _Described:
    if parameter.annotation is not EMPTY:
        return _Described(parameter.annotation)
    known = parameter.default is not EMPTY and parameter.default is not None
    return _Described(type(parameter.default) if known else str)


def _field(parameter: inspect.Parameter) -> forms.Field:
    described = _described(parameter)
    default = None if parameter.default is EMPTY else parameter.default
    options: dict[str, Any] = {
        "label": parameter.name.replace("_", " ").capitalize(),
        "initial": default.value if isinstance(default, Enum) else default,
        "required": not described.optional and default in (None, EMPTY),
        "help_text": " ".join(extra for extra in described.extras if isinstance(extra, str)),
        "validators": [
            extra for extra in described.extras if callable(extra) and not secrets.is_marked(extra)
        ],
    }
    kind = described.kind
    if _is_secret(parameter) and kind is not bool and not _choices(kind):
        options |= {"initial": None, "widget": forms.PasswordInput}
    if kind is bool:
        return forms.BooleanField(**options | {"required": False})
    if kind is int or kind is float:
        # A number left empty would reach the task as None, unless it may be that.
        if "widget" not in options:
            options["required"] = not described.optional
        return (forms.IntegerField if kind is int else forms.FloatField)(**options)
    choices = _choices(kind)
    if choices:
        return _choice_field(choices, described.optional, options)
    if described.optional:
        options["empty_value"] = None
    return forms.CharField(**options)


def _is_secret(parameter: inspect.Parameter) -> bool:
    return secrets.is_marked(parameter.annotation) or secrets.looks_secret(parameter.name)


def _choices(kind: Any) -> dict[str, tuple[Any, str]]:
    """What a Literal or an Enum offers: form value -> (value for the task, label)."""
    if get_origin(kind) is Literal:
        return {str(value): (value, str(value)) for value in get_args(kind)}
    if isinstance(kind, type) and issubclass(kind, Enum):
        labels = {member: member.name.replace("_", " ").capitalize() for member in kind}
        return {str(m.value): (m, str(getattr(m, "label", labels[m]))) for m in kind}
    return {}


def _choice_field(
    choices: Mapping[str, tuple[Any, str]], optional: bool, options: dict[str, Any]
) -> forms.Field:
    offered = [("", "---------")] if optional else []
    offered += [(key, label) for key, (_, label) in choices.items()]
    options["required"] = not optional
    return forms.TypedChoiceField(
        choices=offered, coerce=lambda key: choices[key][0], empty_value=None, **options
    )

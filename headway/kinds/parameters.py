"""A task's parameters: the form that its annotations describe, and binding of call arguments."""

import inspect
from collections.abc import Callable, Collection, Mapping, Sequence
from enum import Enum
from typing import Any

from django import forms

from headway.kinds import converters, json_values, secrets
from headway.kinds.converters import Converter, UnsupportedError

EMPTY = inspect.Parameter.empty


class ParameterError(ValueError):
    """The parameters do not fit the task; the message says which and why."""


def signature(function: Callable[..., Any]) -> inspect.Signature:
    """What a function takes, each annotation resolved that can be resolved here."""
    takes = inspect.signature(function)
    known = getattr(inspect.unwrap(function), "__globals__", {})
    return takes.replace(
        parameters=[
            each.replace(annotation=_resolved(each.annotation, known))
            for each in takes.parameters.values()
        ]
    )


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


def stored(name: str, takes: inspect.Signature, params: Mapping[str, Any]) -> dict[str, Any]:
    """Parameters as the database keeps them. Raises ParameterError for what does not fit."""
    kept = {}
    for key, value in params.items():
        try:
            kept[key] = _to_json(takes, key)(value)
        except ValueError as error:
            raise ParameterError(
                f"{name}: the value of {key!r} cannot be used: {error}."
            ) from error
    return kept


def revived(takes: inspect.Signature, params: Mapping[str, Any]) -> dict[str, Any]:
    """Stored parameters as what they were. Raises ValueError for what fits no more, and
    GoneError for a row that was deleted."""
    return {
        key: value
        if (found := takes.parameters.get(key)) is None or (value is None and _may_be_none(found))
        else converter(found).from_json(value)
        for key, value in params.items()
    }


def marked(takes: inspect.Signature) -> frozenset[str]:
    """The parameters whose annotation has `Secret` in it."""
    found = takes.parameters.items()
    return frozenset(name for name, each in found if secrets.is_marked(each.annotation))


def check(function: Callable[..., Any], *, bound: bool = False) -> None:
    """`bound`: the first parameter is the task itself. Raises TypeError, with the parameter's name,
    when parameters of `function` have no names to store them under, or are of a type that cannot be
    stored."""
    own = list(signature(function).parameters.values())
    for parameter in own[1:] if bound else own:
        if parameter.kind in (parameter.POSITIONAL_ONLY, parameter.VAR_POSITIONAL):
            raise TypeError(
                f"{function.__name__}: a job's parameters are stored by name, "
                f"so {str(parameter)!r} cannot be one"
            )
        try:
            if isinstance(parameter.annotation, str):
                raise UnsupportedError(f"{parameter.annotation} is not known here: import it")
            converter(parameter)
        except UnsupportedError as error:
            raise TypeError(f"{function.__name__}: parameter {parameter.name!r}: {error}") from None


def converter(parameter: inspect.Parameter) -> Converter:
    """What the app does with a parameter, by its annotation or else its default. Raises
    UnsupportedError."""
    if parameter.kind is parameter.VAR_KEYWORD:
        return converters.of(object)
    if parameter.annotation is not EMPTY:
        return converters.of(parameter.annotation)
    known = parameter.default is not EMPTY and parameter.default is not None
    return converters.of(type(parameter.default) if known else object)


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
    never shown."""

    optional: Collection[str] = ()

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        may_go = secrets.fields(self) & set(self.optional)
        return {n: v for n, v in cleaned.items() if n not in may_go or v not in ("", None)}


def _field(parameter: inspect.Parameter) -> forms.Field:
    found = converter(parameter)
    default = None if parameter.default is EMPTY else parameter.default
    secret = _is_secret(parameter) and found.kind is not bool and not found.offers
    # What is left empty would reach the task as None, unless the type has something for that.
    may_be_empty = (found.blank or secret) and default is not None
    options: dict[str, Any] = {
        "label": parameter.name.replace("_", " ").capitalize(),
        "initial": default.value if isinstance(default, Enum) else default,
        "required": not (found.optional or may_be_empty),
    }
    if secret:
        options |= {"initial": None, "widget": forms.PasswordInput}
    return found.field(**options)


def _is_secret(parameter: inspect.Parameter) -> bool:
    return secrets.is_marked(parameter.annotation) or secrets.looks_secret(parameter.name)


def _resolved(annotation: Any, known: dict[str, Any]) -> Any:
    """An annotation that was written as text, or is text because the module says so."""
    if not isinstance(annotation, str):
        return annotation
    try:
        return eval(annotation, known)  # noqa: S307 - a line of the project's own code, as inspect does
    except NameError:  # imported for type checkers only
        return annotation


def _may_be_none(parameter: inspect.Parameter) -> bool:
    return parameter.default is None


def _to_json(takes: inspect.Signature, key: str) -> Callable[[Any], Any]:
    parameter = takes.parameters.get(key)
    if parameter is None:
        return json_values.parameter
    to_json = converter(parameter).to_json
    if _may_be_none(parameter):
        return lambda value: None if value is None else to_json(value)
    return to_json

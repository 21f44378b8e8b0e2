"""The start form that a task's annotations describe."""

from typing import Annotated, Any, Literal

import pytest
from django import forms
from django.core.validators import MinValueValidator

from headway.kinds import parameters, registry
from tests.jobs.parameter_kinds import Colour


def form_of(function: Any) -> type[forms.Form]:
    return parameters.form(parameters.signature(function))


def cleaned(function: Any, **values: Any) -> dict[str, Any]:
    form = form_of(function)(values)
    assert form.is_valid(), form.errors
    return form.cleaned_data


def test_each_annotation_has_its_field() -> None:
    def task(
        count: int,
        ratio: float,
        name: str,
        colour: Colour,
        size: Literal["s", "m"],
        note: str = "",
        loud: bool = True,
        limit: int | None = None,
    ) -> None: ...

    fields = form_of(task).base_fields
    assert [type(field) for field in fields.values()] == [
        forms.IntegerField,
        forms.FloatField,
        forms.CharField,
        forms.TypedChoiceField,
        forms.TypedChoiceField,
        forms.CharField,
        forms.BooleanField,
        forms.IntegerField,
    ]
    assert [name for name, field in fields.items() if field.required] == [
        "count",
        "ratio",
        "name",
        "colour",
        "size",
    ]
    assert fields["loud"].initial is True


def test_what_is_typed_arrives_with_the_annotated_type() -> None:
    def task(count: int, colour: Colour, size: Literal[1, 2], on: bool = False) -> None: ...

    assert cleaned(task, count="3", colour="red", size="2") == {
        "count": 3,
        "colour": Colour.RED,
        "size": 2,
        "on": False,
    }


def test_an_optional_parameter_left_empty_is_none() -> None:
    def task(
        limit: int | None = None,
        name: str | None = None,
        size: Literal[1, 2] | None = None,
        colour: Colour | None = None,
    ) -> None: ...

    empty = {"limit": None, "name": None, "size": None, "colour": None}
    assert cleaned(task, limit="", name="", size="", colour="") == empty


@pytest.mark.parametrize("value", ["", "x", "1.5", "nan", "1e400"])
def test_a_number_that_is_none_is_refused(value: str) -> None:
    def task(count: int = 5) -> None: ...

    assert not form_of(task)({"count": value}).is_valid()


@pytest.mark.parametrize("value", ["nan", "inf", "-inf", "1e999"])
def test_a_float_is_finite(value: str) -> None:
    def task(ratio: float) -> None: ...

    assert not form_of(task)({"ratio": value}).is_valid()


def test_a_choice_that_is_not_offered_is_refused() -> None:
    def task(size: Literal[1, 2]) -> None: ...

    assert not form_of(task)({"size": "3"}).is_valid()


def test_annotated_extras_are_validators_and_help() -> None:
    def task(count: Annotated[int, MinValueValidator(1), "How many"] = 1) -> None: ...

    assert form_of(task).base_fields["count"].help_text == "How many"
    assert not form_of(task)({"count": "0"}).is_valid()


def test_a_parameter_without_annotation_goes_by_its_default() -> None:
    task = eval('lambda count=5, name="x", other=None: None')  # noqa: S307 - has no annotations
    assert cleaned(task, count="7", name="y", other="z") == {"count": 7, "name": "y", "other": "z"}


def test_a_task_without_parameters_has_an_empty_form() -> None:
    assert cleaned(lambda: None) == {}


def test_values_left_out_of_a_command_have_their_defaults() -> None:
    form = registry.get("add").fill({"a": "1"})
    assert form.is_valid()
    assert form.cleaned_data == {"a": 1, "b": 1}


def test_parameters_without_names_are_refused_at_the_definition() -> None:
    def task(*numbers: int) -> None: ...

    with pytest.raises(TypeError, match="stored by name"):
        parameters.check(task)

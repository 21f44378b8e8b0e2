"""Form fields for parameters whose stored values Django's own fields cannot show or accept."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import Model
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

MAX_WRONG = 20
"""Sentences about lines that will not do, in one answer."""


class DateInput(forms.DateInput):
    """The browser's own, which reads ISO 8601 in every language."""

    input_type = "date"

    def __init__(self, attrs: dict[str, Any] | None = None) -> None:
        super().__init__(attrs, format="%Y-%m-%d")


class TimeInput(forms.TimeInput):
    """The same for a time."""

    input_type = "time"

    def __init__(self, attrs: dict[str, Any] | None = None) -> None:
        super().__init__({"step": "1", **(attrs or {})}, format="%H:%M:%S")


class DateTimeInput(forms.DateTimeInput):
    """The same for both; it shows the time in the current time zone, as it reads it."""

    input_type = "datetime-local"

    def __init__(self, attrs: dict[str, Any] | None = None) -> None:
        super().__init__({"step": "1", **(attrs or {})}, format="%Y-%m-%dT%H:%M:%S")

    def format_value(self, value: Any) -> str | None:
        try:
            known = parse_datetime(value) if isinstance(value, str) else value
        except ValueError:
            return str(value)
        if known and timezone.is_aware(known):
            known = timezone.make_naive(known)
        return super().format_value(known or value)


class Object(forms.JSONField):
    """A JSON object; nothing is shown as nothing."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"widget": forms.Textarea({"rows": 3}), **options})

    def prepare_value(self, value: Any) -> Any:
        return "" if value is None else super().prepare_value(value)

    def to_python(self, value: Any) -> Any:
        found = super().to_python(value)
        if found is not None and not isinstance(found, dict):
            raise ValidationError('Enter a JSON object, such as {"name": 1}.')
        return found


class Lines(forms.CharField):
    """One item a line, each checked by a field of its own; programs send a list."""

    def __init__(self, *, item: forms.Field, **options: Any) -> None:
        self.item = item
        options["help_text"] = options.get("help_text") or gettext_lazy("One per line.")
        super().__init__(**{"widget": forms.Textarea({"rows": 3}), **options})

    def prepare_value(self, value: Any) -> Any:
        return "\n".join(map(str, value)) if isinstance(value, list) else value

    def to_python(self, value: Any) -> Any:
        lines = value if isinstance(value, list) else str(value or "").splitlines()
        found, wrong = [], []
        for line in lines:
            if isinstance(line, str) and not line.strip():
                continue
            try:
                found.append(self.item.clean(line.strip() if isinstance(line, str) else line))
            except ValidationError as error:
                wrong += [f"{str(line)[:50]}: {sentence}" for sentence in error.messages]
            if len(wrong) >= MAX_WRONG:  # of a whole novel pasted in, each line may take a query
                wrong.append(_("What follows was not looked at."))
                break
        if wrong:
            raise ValidationError(wrong)
        return found


class Ticked(forms.TypedMultipleChoiceField):
    """Several of what is offered."""

    def prepare_value(self, value: Any) -> Any:
        return [getattr(each, "value", each) for each in value] if value else value


def flag(**options: Any) -> forms.Field:
    """A checkbox that may be left empty, which is False."""
    return forms.BooleanField(**options | {"required": False})


def choice(choices: Mapping[str, tuple[Any, str]], **options: Any) -> forms.Field:
    """One of `choices`: form value -> (value for the task, label)."""
    offered = [] if options["required"] else [("", "---------")]
    offered += [(key, label) for key, (_, label) in choices.items()]
    coerce = partial(_chosen, choices)
    return forms.TypedChoiceField(choices=offered, coerce=coerce, empty_value=None, **options)


def key(model: type[Model], **options: Any) -> forms.Field:
    """The key of a row, typed in: a list of all rows may be long, and not every user may see it."""
    widget = options.pop("widget", forms.TextInput)
    return forms.ModelChoiceField(model._default_manager.all(), widget=widget, **options)


def several(item: Callable[..., forms.Field], **options: Any) -> forms.Field:
    """A list of what `item` makes a field for."""
    one = item(required=True)
    if isinstance(one, forms.TypedChoiceField):
        return Ticked(choices=one.choices, coerce=one.coerce, empty_value=[], **options)
    return Lines(item=one, **options)


def _chosen(choices: Mapping[str, tuple[Any, str]], key: str) -> Any:
    return choices[key][0]

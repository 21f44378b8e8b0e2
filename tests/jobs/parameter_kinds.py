"""Tasks that take all sorts of parameters."""

from datetime import date, datetime, timedelta
from datetime import time as time_of_day
from decimal import Decimal
from enum import Enum
from typing import Annotated, Any, Literal
from uuid import UUID

from django import forms
from django.contrib.auth.models import User

from headway import Secret, job_task


class Colour(Enum):
    RED = "red"
    GREEN = "green"


class Size(Enum):
    S = 1
    L = 3


@job_task
def paint(
    colour: Colour, size: Literal[1, 2] = 1, coats: int | None = None, gloss: bool = False
) -> list[Any]:
    return [colour.name, size, coats, gloss]


@job_task
def keyword_only(*, name: str, **extra: Any) -> dict[str, Any]:
    return {"name": name, **extra}


@job_task
def takes_all(
    day: date,
    moment: datetime,
    hour: time_of_day,
    span: timedelta,
    price: Decimal,
    key: UUID,
    colour: Colour,
    size: Literal["s", "m"],
    days: list[date],
    sizes: list[Size],
    user: User,
    options: dict[str, Any],
    until: date | None = None,
) -> dict[str, str]:
    """Says what it was given."""
    return {name: repr(value) for name, value in locals().items()}


@job_task
def gives_date() -> date:
    return date(2026, 1, 2)


@job_task
def takes_date(day: date, when: Annotated[date, Secret], note: str) -> list[str]:
    del note
    return [repr(day), repr(when)]


@job_task
def names_as_options(title: str, owner: str, idempotency_key: str, params: str) -> list[str]:
    return [title, owner, idempotency_key, params]


class TwoFiles(forms.Form):
    old = forms.FileField()
    new = forms.FileField(required=False)


@job_task(form=TwoFiles)
def compare(old: str, new: str | None = None) -> list[str | None]:
    """Two files, of which one may be missing."""
    return [old, new]

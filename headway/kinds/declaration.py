"""Refuses, when a task is declared, what would only fail later."""

import inspect
import re
from collections.abc import Callable
from typing import Any

from django import forms

TITLE = 200
"""Characters of a title at most."""


def check(
    function: Callable[..., Any],
    *,
    title: object,
    kind: object,
    form: object,
    max_attempts: object,
) -> None:
    """Raises TypeError or ValueError with a sentence that says what to do."""
    name = getattr(function, "__name__", repr(function))
    if not inspect.isroutine(function):
        raise TypeError(f"{name}: a job is a function")
    if inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function):
        hint = "call asgiref.sync.async_to_sync inside a function that is declared by def alone"
        raise TypeError(f"{name}: Celery cannot run an async function; {hint}")
    if inspect.isgeneratorfunction(function):
        raise TypeError(f"{name}: a job's function returns its result, it cannot yield")
    if not re.fullmatch(r"[-a-zA-Z0-9_]{1,100}", str(kind)):
        raise ValueError(
            f"{name}: kind={kind!r}: use 1 to 100 letters, digits, dashes, underscores"
        )
    if isinstance(title, str) and len(title) > TITLE:
        raise ValueError(f"{name}: the title has {len(title)} characters, use {TITLE} at most")
    if form is not None and not (isinstance(form, type) and issubclass(form, forms.BaseForm)):
        raise TypeError(f"{name}: form={form!r}: give the class of a Django form")
    if type(max_attempts) is not int or max_attempts < 1:
        raise ValueError(f"{name}: max_attempts={max_attempts!r}: use a whole number from 1")


def check_says(says: object) -> None:
    """The same about the texts of a kind's phases and messages."""
    if not isinstance(says, list | tuple) or not all(type(text) is str for text in says):
        raise TypeError(f"says={says!r}: give a tuple of texts, each marked by gettext_noop")

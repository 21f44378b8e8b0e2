"""Tells what to do when an extra of the package is not installed."""

from typing import Any

from django.core.management.base import CommandError


class Missing:
    """Stands for a module that could not be imported: whoever uses it is told what to install."""

    def __init__(self, error: ImportError, extra: str) -> None:
        self._sentence = (
            f"This needs {error.name}, which is not installed: "
            f'pip install "django-headway[{extra}]".'
        )

    def __getattr__(self, name: str) -> Any:
        raise CommandError(self._sentence)

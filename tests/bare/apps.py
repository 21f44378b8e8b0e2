"""Loads the project's Celery app in every process."""

from importlib import import_module

from django.apps import AppConfig


class BareConfig(AppConfig):
    name = "tests.bare"

    def ready(self) -> None:
        import_module("tests.bare.celery")

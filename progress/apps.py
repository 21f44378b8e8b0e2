"""Loads what every Django process needs, so that importing the engine alone stays cheap."""

from importlib import import_module

from django.apps import AppConfig


class ProgressConfig(AppConfig):
    """The project itself, as an app."""

    name = "progress"

    def ready(self) -> None:
        """Load the system checks, and the Celery app that `shared_task` binds to."""
        import_module("progress.checks")
        import_module("progress.celery")

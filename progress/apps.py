"""Loads what every Django process needs, so that importing the engine alone stays cheap."""

from importlib import import_module

from django.apps import AppConfig


class ProgressConfig(AppConfig):
    """The project itself, as an app."""

    name = "progress"

    def ready(self) -> None:
        """Load the system checks, the Celery app that `shared_task` binds to, and receivers."""
        import_module("progress.checks")
        import_module("progress.celery")
        import_module("progress.person_data")

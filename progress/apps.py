"""Loads what every Django process needs, so that importing the engine alone stays cheap."""

from importlib import import_module

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ProgressConfig(AppConfig):
    """The project itself, as an app."""

    name = "progress"
    verbose_name = _("Sign-in")

    def ready(self) -> None:
        """Load the system checks, the Celery app that `shared_task` binds to, and receivers."""
        import_module("progress.checks")
        import_module("progress.celery")
        import_module("progress.person_data")

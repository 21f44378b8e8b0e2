"""Makes the Celery app current in every Django process, without the engine importing it."""

from importlib import import_module

from django.apps import AppConfig


class ProgressConfig(AppConfig):
    """The project itself, as an app: it has no models."""

    name = "progress"

    def ready(self) -> None:
        """Load the Celery app, which `shared_task` binds to on its first use."""
        import_module("progress.celery")

"""Configures the app and connects the worker's presence signals."""

from django.apps import AppConfig
from django.core.checks import register


class JobsConfig(AppConfig):
    name = "jobs"
    default_auto_field = "django.db.models.BigAutoField"
    verbose_name = "Jobs"

    def ready(self) -> None:
        from headway.kinds import registry
        from headway.worker import presence

        register(registry.check_names)
        register(registry.check_stalls)
        presence.connect()

"""Configures the app and connects the signals of worker presence."""

from django.apps import AppConfig
from django.core.checks import Tags, register
from django.utils.translation import gettext_lazy as _


class HeadwayConfig(AppConfig):
    name = "headway"
    default_auto_field = "django.db.models.BigAutoField"
    verbose_name = _("Jobs")

    def ready(self) -> None:
        from headway import checks, policy, project_checks
        from headway.kinds import registry
        from headway.lifecycle import departed
        from headway.web import origins
        from headway.worker import django_tasks, kept_connections, presence

        register(checks.check_settings)
        register(policy.check)
        register(origins.check)
        register(checks.check_database, Tags.database)
        register(checks.check_streams, deploy=True)
        for check in project_checks.ALL:
            register(check)
        register(registry.check_names)
        register(registry.check_stalls)
        presence.connect()
        departed.connect()
        kept_connections.connect()
        django_tasks.connect()

"""Configures the site's jobs."""

from django.apps import AppConfig


class JobsConfig(AppConfig):
    name = "jobs"
    default_auto_field = "django.db.models.BigAutoField"
    verbose_name = "The site's jobs"

    def ready(self) -> None:
        from headway.web import openapi
        from jobs.llm import views

        openapi.describe("chat", views.described)

"""The model of the audit trail: an entry is written with the deed, and never changed."""

from typing import Any

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from headway.owners import OwnerField, forget


class Via(models.TextChoices):
    """By which way somebody asked for something."""

    PAGE = "page", _("Page")
    API = "api", "API"
    SOCKET = "socket", "WebSocket"
    ADMIN = "admin", _("Admin")
    COMMAND = "command", _("Command")
    BULK = "bulk", _("On many")
    CODE = "code", _("Code")


class AuditEntry(models.Model):
    """What somebody did to a job: written with it, never changed, and kept when the job is gone.
    Only the erasure of a person takes names out of it."""

    at = models.DateTimeField(_("time"), auto_now_add=True)
    verb = models.CharField(_("verb"), max_length=20)
    job_id = models.UUIDField(_("job"), null=True, blank=True, db_index=True)
    title = models.CharField(_("title"), max_length=200, blank=True)
    kind = models.CharField(_("kind"), max_length=100, blank=True)
    result = models.CharField(
        _("result"), max_length=200, help_text=_("what the job became, or why nothing")
    )
    owner = OwnerField(
        settings.AUTH_USER_MODEL, forget, null=True, related_name="+", db_index=False
    )
    by = OwnerField(settings.AUTH_USER_MODEL, forget, null=True, related_name="+")
    name = models.CharField(
        _("name"), max_length=254, blank=True, help_text=_("of who did it, as it was then")
    )
    via = models.CharField(_("via"), max_length=10, choices=Via.choices, default=Via.CODE)
    address = models.CharField(_("address"), max_length=64, blank=True)
    token = models.BigIntegerField(
        _("token"), null=True, blank=True, help_text=_("number of the API token")
    )
    bulk = models.UUIDField(null=True, blank=True, help_text="the job that did it for them")

    class Meta:
        default_permissions = ("view",)
        ordering = ("-id",)
        verbose_name = _("audit entry")
        verbose_name_plural = _("audit entries")

    def __str__(self) -> str:
        return f"{self.verb} {self.title or self.job_id}: {self.result}"

    def save(self, *args: Any, **options: Any) -> None:
        """Raises TypeError for an entry that is there already."""
        if not self._state.adding:
            raise TypeError("Entries of the audit trail are written once.")
        super().save(*args, **options)

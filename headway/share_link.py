"""The model of links that show one job to whoever has them."""

import uuid

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from headway.owners import OwnerField, delete_or_revoke


class SharePart(models.TextChoices):
    """What a link shows beside the title, the state and the progress of its job."""

    RESULT = "result", _("Result and files")
    LOG = "log", _("Log, warnings and output")
    INPUTS = "inputs", _("Inputs")
    OWNER = "owner", _("Who started it")


class ShareLinkQuerySet(models.QuerySet["ShareLink"]):
    def living(self) -> "ShareLinkQuerySet":
        """Those that are neither revoked nor expired."""
        return self.filter(revoked_at=None, expires_at__gt=timezone.now())


class ShareLink(models.Model):
    """Shows one job, to be read only, until it expires or is revoked. Its address is its key with a
    signature (web/sharing.py), so that a row alone opens nothing."""

    # No counter: a database that is restored would give the address of a link to another one.
    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    job = models.ForeignKey("headway.Job", on_delete=models.CASCADE, related_name="share_links")
    by = OwnerField(
        settings.AUTH_USER_MODEL, on_delete=delete_or_revoke, related_name="share_links"
    )
    parts = models.JSONField(default=list, blank=True, help_text="what it shows beside progress")
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True, blank=True)

    objects = ShareLinkQuerySet.as_manager()

    class Meta:
        default_permissions = ()
        ordering = ("-created_at", "id")

    def __str__(self) -> str:
        return f"link to {self.job_id} until {self.expires_at:%Y-%m-%d}"

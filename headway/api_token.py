"""The model of API tokens, with which programs act as their owners."""

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from headway.owners import OwnerField, delete_or_revoke


class Scope(models.TextChoices):
    """What an API token is good for; each allows what those before it do."""

    READ = "read", _("Read")
    "Requests that change nothing: pages, statuses, streams, files."
    START = "start", _("Read, and start jobs")
    ALL = "all", _("Read, start, cancel and retry")
    "All that its owner may do outside of the admin."

    def covers(self, needed: "Scope") -> bool:
        known = list(Scope)
        return known.index(self) >= known.index(needed)


class ApiTokenQuerySet(models.QuerySet["ApiToken"]):
    def living(self) -> "ApiTokenQuerySet":
        """Those that are neither revoked nor expired."""
        lasting = models.Q(expires_at=None) | models.Q(expires_at__gt=timezone.now())
        return self.filter(lasting, revoked_at=None)


class ApiToken(models.Model):
    """A secret with which programs act as its owner. Only its hash is stored (see tokens.py)."""

    owner = OwnerField(
        settings.AUTH_USER_MODEL,
        verbose_name=_("owner"),
        on_delete=delete_or_revoke,
        related_name="api_tokens",
    )
    name = models.CharField(_("name"), max_length=100, blank=True)
    digest = models.CharField(max_length=64, help_text="SHA-256 of the secret, in hexadecimal")
    scope = models.CharField(_("scope"), max_length=10, choices=Scope.choices, default=Scope.ALL)
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)
    last_used_at = models.DateTimeField(
        _("last used at"), null=True, blank=True, help_text=_("to the minute")
    )
    expires_at = models.DateTimeField(
        _("expires at"), null=True, blank=True, help_text=_("empty: never")
    )
    revoked_at = models.DateTimeField(_("revoked at"), null=True, blank=True)

    objects = ApiTokenQuerySet.as_manager()

    class Meta:
        default_permissions = ("view", "change", "delete")
        ordering = ("-created_at", "-id")
        verbose_name = _("API token")
        verbose_name_plural = _("API tokens")

    def __str__(self) -> str:
        return f"{self.pk} {self.name}".strip()

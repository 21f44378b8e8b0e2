"""What the site itself keeps: failed sign-ins, for a quarter of an hour, how people like pages, and
how they are known to an identity provider."""

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _


class FailedSignIn(models.Model):
    """One wrong password, or one that is being checked."""

    account = models.CharField(max_length=64)
    """A digest of the user name, whether there is such a user or not: people also type their
    password there."""
    address = models.CharField(max_length=64)
    """An IPv4 address, or the network of an IPv6 address."""
    at = models.DateTimeField()

    class Meta:
        indexes = (
            models.Index(fields=["account", "address", "at"], name="failed_by_account"),
            models.Index(fields=["address", "at"], name="failed_by_address"),
            models.Index(fields=["at"], name="failed_at"),
        )

    def __str__(self) -> str:
        return f"{self.address} at {self.at}"


class Preference(models.Model):
    """How a person likes to see pages, in every browser in which they sign in."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="preference"
    )
    time_zone = models.CharField(max_length=64, blank=True)
    language = models.CharField(max_length=12, blank=True)

    def __str__(self) -> str:
        return f"preferences of {self.user_id}"


class ExternalIdentity(models.Model):
    """How an identity provider names a user (progress/oidc.py)."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("user"),
        on_delete=models.CASCADE,
        related_name="identities",
    )
    issuer = models.CharField(_("issuer"), max_length=300, help_text="OIDC_ISSUER")
    subject = models.CharField(
        _("subject"), max_length=255, help_text=_("`sub` of the person at the provider")
    )

    class Meta:
        verbose_name = _("external identity")
        verbose_name_plural = _("external identities")
        constraints = (models.UniqueConstraint(fields=["issuer", "subject"], name="identity_once"),)

    def __str__(self) -> str:
        return f"{self.subject} at {self.issuer}"

"""The models of notices: how people want to be told that a job has ended, and the outbox."""

import uuid
from typing import Any

from django.conf import settings
from django.db import models
from django.utils.crypto import get_random_string

from headway.owners import OwnerField, delete_or_forget


class Channel(models.TextChoices):
    """By which way a notice goes."""

    EMAIL = "email", "E-mail"
    WEBHOOK = "webhook", "Webhook"


def new_seed() -> str:
    """Of a person's key for webhooks, together with SECRET_KEY (lifecycle/webhooks.py)."""
    return get_random_string(32)


class NoticeChoice(models.Model):
    """How one person is told. Without a row, by nothing but their browser."""

    owner = OwnerField(
        settings.AUTH_USER_MODEL, delete_or_forget, null=True, related_name="notice_choices"
    )
    every = models.BooleanField(
        default=False, help_text="start forms are ticked to tell of their job"
    )
    email = models.BooleanField(default=False)
    webhook_url = models.CharField(max_length=500, blank=True)
    seed = models.CharField(max_length=32, default=new_seed, editable=False)
    site = models.CharField(
        max_length=300, blank=True, help_text="scheme and host under which they use the site"
    )
    language = models.CharField(
        max_length=20, blank=True, help_text="in which they read pages; empty: LANGUAGE_CODE"
    )

    class Meta:
        default_permissions = ()
        constraints = (models.UniqueConstraint(fields=["owner"], name="notice_choice_once"),)

    def __str__(self) -> str:
        return f"notices of {self.owner_id}"

    def channels(self) -> list[Channel]:
        """Those that are chosen."""
        wanted: dict[Channel, Any] = {
            Channel.EMAIL: self.email,
            Channel.WEBHOOK: self.webhook_url,
        }
        return [channel for channel, chosen in wanted.items() if chosen]


class Notice(models.Model):
    """That a job has ended, to be told by one way: written in the transaction that ends the job,
    and sent by a janitor until it is told, given up, or no longer wanted. Its key is the same
    whenever it is sent, so that a receiver knows it again."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    owner = OwnerField(
        settings.AUTH_USER_MODEL, delete_or_forget, null=True, related_name="notices"
    )
    channel = models.CharField(max_length=10, choices=Channel.choices)
    job_id = models.UUIDField()
    kind = models.CharField(max_length=100)
    status = models.CharField(max_length=20)
    created_at = models.DateTimeField(auto_now_add=True)
    due_at = models.DateTimeField(null=True, help_text="of the next try; empty: there is none")
    tries = models.PositiveIntegerField(default=0)
    told_at = models.DateTimeField(null=True)
    reason = models.CharField(max_length=200, blank=True, help_text="why the last try failed")

    class Meta:
        default_permissions = ()
        ordering = ("-created_at", "id")
        indexes = (
            models.Index(
                fields=["due_at"], condition=models.Q(due_at__isnull=False), name="notice_due"
            ),
            models.Index(fields=["created_at"], name="notice_created"),
        )

    def __str__(self) -> str:
        return f"{self.channel} of {self.job_id}"

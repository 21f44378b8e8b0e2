"""The model of an upload that arrives in parts (lifecycle/uploading.py)."""

import uuid

from django.conf import settings
from django.db import models

from headway.owners import OwnerField, delete_or_forget


class Upload(models.Model):
    """A file for one field of one kind's form. How much of it is here its file tells."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    owner = OwnerField(
        settings.AUTH_USER_MODEL, null=True, on_delete=delete_or_forget, related_name="uploads"
    )
    kind = models.CharField(max_length=100)
    field = models.CharField(max_length=100)
    name = models.CharField(max_length=255)
    size = models.PositiveBigIntegerField(help_text="bytes")
    modified = models.CharField(
        max_length=20, blank=True, help_text="what its sender knows it again by, with name and size"
    )
    stored = models.CharField(
        max_length=500, blank=True, help_text="where a job that was started with it has it"
    )
    created_at = models.DateTimeField(auto_now_add=True, db_index=True)

    class Meta:
        default_permissions = ()
        ordering = ("created_at", "id")

    def __str__(self) -> str:
        return self.name

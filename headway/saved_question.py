"""The model of questions that people ask the list of jobs again and again."""

from django.conf import settings
from django.db import models

from headway.owners import OwnerField, delete_or_forget


class SavedQuestion(models.Model):
    """What a user asks the list of jobs again and again, under a name."""

    owner = OwnerField(
        settings.AUTH_USER_MODEL,
        null=True,
        on_delete=delete_or_forget,
        related_name="saved_questions",
    )
    name = models.CharField(max_length=60)
    query = models.CharField(max_length=1000, blank=True, help_text="of the address")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        default_permissions = ()
        ordering = ("name", "id")
        constraints = (
            models.UniqueConstraint(fields=["owner", "name"], name="question_name_once"),
        )

    def __str__(self) -> str:
        return self.name

"""What the site's jobs store in the database."""

from django.conf import settings
from django.db import models


class ImportedRow(models.Model):
    """One accepted row of a CSV file; `line` is its line number in the file."""

    # That a line is there once is an index of its own
    job = models.ForeignKey(
        "headway.Job", on_delete=models.CASCADE, related_name="rows", db_index=False
    )
    line = models.PositiveIntegerField()
    data = models.JSONField()

    class Meta:
        default_permissions = ()
        ordering = ("job", "line")
        constraints = (models.UniqueConstraint(fields=["job", "line"], name="imported_line_once"),)

    def __str__(self) -> str:
        return f"line {self.line} of {self.job_id}"


class ModelUse(models.Model):
    """What a user has had of the language model on the last day on which they asked (UTC)."""

    owner = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, primary_key=True, related_name="+"
    )
    day = models.DateField()
    answers = models.PositiveIntegerField(default=0)
    tokens = models.PositiveBigIntegerField(default=0)

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.answers} answers on {self.day}"

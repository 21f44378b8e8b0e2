"""What the site's jobs store in the database."""

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

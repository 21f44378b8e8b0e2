import uuid

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Job",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid.uuid4, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("kind", models.CharField(db_index=True, max_length=100)),
                ("title", models.CharField(max_length=200)),
                ("params", models.JSONField(blank=True, default=dict)),
                (
                    "options",
                    models.JSONField(
                        blank=True, default=dict, help_text="Celery options of this one start"
                    ),
                ),
                ("queue", models.CharField(blank=True, max_length=200)),
                (
                    "token",
                    models.CharField(
                        blank=True, help_text="one-time form token", max_length=64, null=True
                    ),
                ),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("queued", "Queued"),
                            ("running", "Running"),
                            ("cancelling", "Cancelling"),
                            ("succeeded", "Succeeded"),
                            ("failed", "Failed"),
                            ("cancelled", "Cancelled"),
                            ("lost", "Lost"),
                        ],
                        default="queued",
                        max_length=20,
                    ),
                ),
                ("reason", models.CharField(blank=True, max_length=500)),
                (
                    "attempt",
                    models.PositiveIntegerField(
                        default=0, help_text="number of the last attempt, 0 before the first"
                    ),
                ),
                ("max_attempts", models.PositiveIntegerField(default=1)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                (
                    "published_at",
                    models.DateTimeField(
                        blank=True, help_text="when the broker took the last message", null=True
                    ),
                ),
                ("not_before", models.DateTimeField(blank=True, null=True)),
                ("started_at", models.DateTimeField(blank=True, null=True)),
                ("finished_at", models.DateTimeField(blank=True, null=True)),
                ("cancel_requested_at", models.DateTimeField(blank=True, null=True)),
                ("lease_until", models.DateTimeField(blank=True, null=True)),
                ("worker", models.CharField(blank=True, max_length=255)),
                ("percent", models.FloatField(blank=True, null=True)),
                ("current", models.FloatField(blank=True, null=True)),
                ("total", models.FloatField(blank=True, null=True)),
                ("message", models.TextField(blank=True)),
                ("phase", models.CharField(blank=True, max_length=200)),
                ("warning_count", models.PositiveIntegerField(default=0)),
                ("result", models.JSONField(blank=True, null=True)),
                (
                    "files",
                    models.JSONField(
                        blank=True,
                        default=list,
                        help_text="names of the last attempt's result files",
                    ),
                ),
                (
                    "owner",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="jobs",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "ordering": ("-created_at", "-id"),
            },
        ),
        migrations.CreateModel(
            name="ImportedRow",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("line", models.PositiveIntegerField()),
                ("data", models.JSONField()),
                (
                    "job",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="rows",
                        to="jobs.job",
                    ),
                ),
            ],
            options={
                "ordering": ("job", "line"),
            },
        ),
        migrations.CreateModel(
            name="Attempt",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("number", models.PositiveIntegerField()),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("queued", "Queued"),
                            ("running", "Running"),
                            ("cancelling", "Cancelling"),
                            ("succeeded", "Succeeded"),
                            ("failed", "Failed"),
                            ("cancelled", "Cancelled"),
                            ("lost", "Lost"),
                        ],
                        default="running",
                        max_length=20,
                    ),
                ),
                ("worker", models.CharField(blank=True, max_length=255)),
                ("started_at", models.DateTimeField()),
                ("finished_at", models.DateTimeField(blank=True, null=True)),
                ("progress", models.JSONField(blank=True, default=dict)),
                ("reason", models.CharField(blank=True, max_length=500)),
                ("error", models.TextField(blank=True)),
                ("warnings", models.JSONField(blank=True, default=list)),
                ("lines", models.JSONField(blank=True, default=list)),
                ("checkpoint", models.JSONField(blank=True, null=True)),
                (
                    "job",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="attempts",
                        to="jobs.job",
                    ),
                ),
            ],
            options={
                "ordering": ("job", "number"),
            },
        ),
        migrations.AddIndex(
            model_name="job",
            index=models.Index(fields=["owner", "-created_at"], name="job_owner_created"),
        ),
        migrations.AddIndex(
            model_name="job",
            index=models.Index(fields=["status", "lease_until"], name="job_status_lease"),
        ),
        migrations.AddIndex(
            model_name="job",
            index=models.Index(fields=["-created_at"], name="job_created"),
        ),
        migrations.AddIndex(
            model_name="job",
            index=models.Index(fields=["finished_at"], name="job_finished"),
        ),
        migrations.AddConstraint(
            model_name="job",
            constraint=models.UniqueConstraint(fields=("owner", "token"), name="job_token_once"),
        ),
        migrations.AddConstraint(
            model_name="job",
            constraint=models.UniqueConstraint(
                condition=models.Q(("owner__isnull", True)),
                fields=("token",),
                name="job_token_once_without_owner",
            ),
        ),
        migrations.AddConstraint(
            model_name="importedrow",
            constraint=models.UniqueConstraint(fields=("job", "line"), name="imported_line_once"),
        ),
        migrations.AddConstraint(
            model_name="attempt",
            constraint=models.UniqueConstraint(
                fields=("job", "number"), name="attempt_number_once"
            ),
        ),
    ]

"""Keeps what a start with a key asked for, and drops permissions that nothing asks for."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("jobs", "0003_start_tokens_as_digests")]

    operations = [
        migrations.AlterModelOptions(
            name="attempt",
            options={"default_permissions": (), "ordering": ("job", "number")},
        ),
        migrations.AlterModelOptions(
            name="importedrow",
            options={"default_permissions": (), "ordering": ("job", "line")},
        ),
        migrations.AlterModelOptions(
            name="job",
            options={
                "default_permissions": ("view", "change"),
                "ordering": ("-created_at", "-id"),
            },
        ),
        migrations.AlterModelOptions(
            name="apitoken",
            options={
                "default_permissions": ("view", "change", "delete"),
                "ordering": ("-created_at", "-id"),
                "verbose_name": "API token",
            },
        ),
        migrations.AddField(
            model_name="job",
            name="fingerprint",
            field=models.CharField(
                blank=True,
                help_text="of kind and parameters, where there is a token",
                max_length=64,
            ),
        ),
        migrations.AlterField(
            model_name="job",
            name="token",
            field=models.CharField(
                blank=True,
                help_text="SHA-256 of owner and key, or of owner, one-time token and fingerprint",
                max_length=64,
                null=True,
                unique=True,
            ),
        ),
    ]

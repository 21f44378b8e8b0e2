"""Keeps the secrets among a job's parameters in a column of their own."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("jobs", "0003_start_tokens_as_digests")]

    operations = [
        migrations.AlterField(
            model_name="job",
            name="params",
            field=models.JSONField(blank=True, default=dict, help_text="without its secrets"),
        ),
        migrations.AddField(
            model_name="job",
            name="secrets",
            field=models.TextField(
                blank=True,
                default="",
                editable=False,
                help_text="of params, sealed",
                serialize=False,
            ),
        ),
        migrations.AddIndex(
            model_name="job",
            index=models.Index(
                condition=models.Q(("secrets", ""), _negated=True),
                fields=["finished_at"],
                name="job_has_secrets",
            ),
        ),
    ]

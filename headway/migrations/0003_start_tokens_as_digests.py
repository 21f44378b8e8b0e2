"""Stores a digest of owner and token in place of the token, so that it stays unique when the owner
is deleted."""

import hashlib
from typing import Any

from django.db import migrations, models


def digest(apps: Any, _: Any) -> None:
    jobs = apps.get_model("jobs", "Job").objects.exclude(token=None)
    for pk, owner, token in jobs.values_list("pk", "owner_id", "token").iterator():
        stored = hashlib.sha256(f"{owner}:{token}".encode()).hexdigest()
        jobs.filter(pk=pk).update(token=stored)


class Migration(migrations.Migration):
    dependencies = [("jobs", "0002_api_token")]

    operations = [
        migrations.RemoveConstraint("job", "job_token_once"),
        migrations.RemoveConstraint("job", "job_token_once_without_owner"),
        migrations.RunPython(digest, migrations.RunPython.noop, elidable=True),
        migrations.AlterField(
            model_name="job",
            name="token",
            field=models.CharField(
                blank=True,
                help_text="SHA-256 of owner and one-time form token",
                max_length=64,
                null=True,
                unique=True,
            ),
        ),
    ]

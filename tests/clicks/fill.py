"""Run within a checkout, which may be an older one: stores people and jobs, as JSON on standard
input, as far as its models have a place for them."""

import json
import sys
from typing import Any

import django
from django.apps import apps
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.management import call_command

JOB, ATTEMPT = "job", "attempt"


def model(name: str) -> Any:
    """Of the app that has the jobs, whatever it is called."""
    return next(each for each in apps.get_models() if each._meta.model_name == name)


def store(which: Any, rows: list[dict[str, Any]]) -> None:
    """Inserts rows, without the columns that are not there yet."""
    known = {field.attname for field in which._meta.concrete_fields}
    made = [which(**{k: v for k, v in row.items() if k in known and k != "id"}) for row in rows]
    for each, row in zip(made, rows, strict=True):
        each.pk = row.get("id") or None
    which.objects.bulk_create(made, 100)


def main() -> None:
    """Migrates, and stores."""
    django.setup()
    call_command("migrate", verbosity=0)
    given = json.load(sys.stdin)
    store(model("user"), given["people"])
    store(model(JOB), given["jobs"])
    for row in given["jobs"]:  # has the time of the insert, whatever it had before
        model(JOB).objects.filter(pk=row["id"]).update(created_at=row["created_at"])
    store(model(ATTEMPT), given["attempts"])
    store(model("apitoken"), given.get("tokens", []))
    for name, text in given["files"].items():
        default_storage.save(name, ContentFile(text.encode()))


if __name__ == "__main__":
    main()

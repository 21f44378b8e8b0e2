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


def has(name: str) -> bool:
    """Whether there is such a model."""
    return any(each._meta.model_name == name for each in apps.get_models())


def store(which: Any, rows: list[dict[str, Any]]) -> None:
    """Inserts rows as they are, without the columns that are not there yet."""
    for field in which._meta.concrete_fields:
        field.auto_now_add = False
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
    store(model(ATTEMPT), given["attempts"])
    for name in ("apitoken", "auditentry"):
        if name in given and has(name):
            store(model(name), given[name])
    for name, text in given["files"].items():
        default_storage.save(name, ContentFile(text.encode()))


if __name__ == "__main__":
    main()

"""Uploads of an earlier job, which a form that is filled again need not be given once more."""

import uuid
from collections.abc import Mapping
from typing import Any

from django import forms
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import UploadedFile
from django.utils.datastructures import MultiValueDict

from headway.kinds.registry import Kind
from headway.models import Job


def of(job: Job, kind: Kind) -> dict[str, str]:
    """By the name of each file field, what the storage still has of the job's upload."""
    values = {name: job.params.get(name) for name in _fields(kind.form_class.base_fields)}
    return {name: path for name, path in values.items() if _is_stored(job.pk, path)}


def add(files: MultiValueDict[str, Any], kept: Mapping[str, str]) -> None:
    """Adds what was kept to a request's files, which it closes, in the place of what was not
    uploaded."""
    for name, path in kept.items():
        if name not in files:
            stored = default_storage.open(path)
            files[name] = UploadedFile(stored, _name(path), size=stored.size)


def offer(form: forms.Form, kept: Mapping[str, str]) -> None:
    """Makes a form say which uploads it has, and not ask for them."""
    for name, path in kept.items():
        field = form.fields[name]
        field.widget.is_required = False
        told = f"{_name(path)} is kept. Choose another file to replace it."
        field.help_text = f"{told} {field.help_text}".rstrip()


def _fields(fields: Mapping[str, forms.Field]) -> list[str]:
    return [name for name, field in fields.items() if isinstance(field, forms.FileField)]


def _is_stored(job: uuid.UUID, path: object) -> bool:
    """Only what was uploaded for this job itself."""
    ours = isinstance(path, str) and path.startswith(f"uploads/{job}/") and ".." not in path
    return ours and default_storage.exists(str(path))


def _name(path: str) -> str:
    return path.rpartition("/")[2]

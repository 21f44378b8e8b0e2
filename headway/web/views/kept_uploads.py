"""Files that a form need not be given: uploads of an earlier job, and those that were uploaded
before the form is sent."""

import json
import uuid
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any

from django import forms
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest
from django.urls import reverse
from django.utils.datastructures import MultiValueDict
from django.utils.html import format_html
from django.utils.translation import gettext as _

from headway.kinds.file_types import FirstBytes
from headway.kinds.registry import Kind
from headway.lifecycle import uploading
from headway.lifecycle.actions import ActionError
from headway.models import Job, Upload

PREFIX = "upload-"
"""Of the name by which a form gives the id of an upload in the place of a file."""


def of(job: Job, kind: Kind) -> dict[str, str]:
    """By the name of each file field, what the storage still has of the job's upload."""
    values = {name: job.params.get(name) for name in _fields(kind)}
    return {name: path for name, path in values.items() if _is_stored(job.pk, path)}


def add(files: MultiValueDict[str, Any], kept: Mapping[str, str]) -> None:
    """Adds what was kept to a request's files, which it closes, in the place of what was not
    uploaded."""
    for name, path in kept.items():
        if name not in files:
            stored = default_storage.open(path)
            files[name] = UploadedFile(stored, _name(path), size=stored.size)


def named(request: HttpRequest, kind: Kind, values: Mapping[str, Any]) -> dict[str, Upload | None]:
    """By the name of each file field, the upload of this person that a start names; None where it
    is no more. `values` has the ids by the names of fields."""
    ids = {name: pk for name in _fields(kind) if (pk := _id(values.get(name)))}
    if not ids:
        return {}
    mine = Upload.objects.filter(owner_id=request.user.pk, kind=kind.name, pk__in=ids.values())
    found = {upload.pk: upload for upload in mine}
    return {name: found.get(pk) for name, pk in ids.items()}


def of_form(kind: Kind, values: Mapping[str, Any]) -> dict[str, Any]:
    """The ids that a form gives, by the names of fields."""
    return {name: values.get(PREFIX + name) for name in _fields(kind)}


def put(files: MultiValueDict[str, Any], uploads: Mapping[str, Upload | None]) -> dict[str, Upload]:
    """Adds uploads to a request's files, where no file came along; returns those that are there."""
    there = {}
    for name, upload in uploads.items():
        if upload and name not in files:
            with suppress(FileNotFoundError):
                files[name] = uploading.opened(upload)
                there[name] = upload
    return there


def miss(form: forms.Form, names: Iterable[str]) -> None:
    """Tells of uploads that are no more."""
    for name in names:
        form.errors.pop(name, None)
        form.add_error(name, _("The uploaded file is no longer here. Choose it again."))


def keep(request: HttpRequest, kind: Kind, form: forms.Form, names: Iterable[str]) -> Any:
    """Keeps the files of a refused form that came with it, unless they are what is wrong; returns
    them as uploads. One that cannot be kept has to be chosen again."""
    kept = {}
    for name in names:
        file = form.files.get(name)
        if file is None or not file.size or name in form.errors:
            continue
        upload = Upload(kind=kind.name, field=name, name=(file.name or "file")[:255])
        upload.size = file.size
        with suppress(ActionError, OSError):
            kept[name] = uploading.keep(request.user, upload, file)
    return kept


def offer(form: forms.Form, kept: Mapping[str, str]) -> None:
    """Makes a form say which uploads it has, and not ask for them."""
    for name, path in kept.items():
        _offer(form[name], _name(path))


def offer_uploads(form: forms.Form, uploads: Mapping[str, Upload]) -> None:
    """The same for uploads, whose ids the form then has."""
    for name, upload in uploads.items():
        if name not in form.errors:
            _offer(form[name], upload.name)
            form.fields[name].upload = upload.pk  # type: ignore[attr-defined]  # for the template


def describe(request: HttpRequest, kind: Kind, form: forms.Form, limits: Mapping[str, Any]) -> None:
    """Tells the page's script what each file field takes, and what has been uploaded for it."""
    begun: dict[str, list[dict[str, Any]]] = {name: [] for name in _fields(kind)}
    for upload in uploading.waiting(request.user).filter(kind=kind.name):
        with suppress(FileNotFoundError, KeyError):
            begun[upload.field].append(_described(upload))
    for name, known in begun.items():
        field = form.fields[name]
        field.widget.attrs |= {**limits, "data-begun": json.dumps(known)}
        for check in field.validators:
            if isinstance(check, FirstBytes):
                field.widget.attrs["data-first-bytes"] = check.as_json()


def _described(upload: Upload) -> dict[str, Any]:
    return {
        "url": reverse("headway:upload", args=[upload.pk]),
        "name": upload.name,
        "size": upload.size,
        "modified": upload.modified,
        "here": uploading.offset_of(upload),
    }


def _offer(bound: forms.BoundField, name: str) -> None:
    # It is only rendered from now on
    bound.field.required, bound.field.kept = False, True  # type: ignore[attr-defined]
    told = _("%(name)s is kept. Choose another file to replace it.") % {"name": name}
    bound.help_text = format_html('<strong class="kept">{}</strong> {}', told, bound.help_text)


def _fields(kind: Kind) -> list[str]:
    fields = kind.form_class.base_fields.items()
    return [name for name, field in fields if isinstance(field, forms.FileField)]


def _id(value: object) -> uuid.UUID | None:
    with suppress(ValueError):
        return uuid.UUID(value) if isinstance(value, str) else None
    return None


def _is_stored(job: uuid.UUID, path: object) -> bool:
    """Only what was uploaded for this job itself."""
    ours = isinstance(path, str) and path.startswith(f"uploads/{job}/") and ".." not in path
    return ours and default_storage.exists(str(path))


def _name(path: str) -> str:
    return path.rpartition("/")[2]

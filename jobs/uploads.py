"""The form field for an uploaded file, and how a task opens what was uploaded."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django import forms
from django.core.files import File
from django.core.files.storage import default_storage
from django.template.defaultfilters import filesizeformat
from django.utils.translation import gettext as _

from headway import InputError
from headway.conf import conf

MAX_SECONDS = 6 * 3600
"""For one attempt at a file, so that none holds a worker for ever."""
GRACE = 60
"""Seconds in which a job that is out of time can end by itself."""


class UploadField(forms.FileField):
    """A file of at most `conf.UPLOAD_MAX_BYTES` bytes."""

    def clean(self, data: Any, initial: Any = None) -> Any:
        upload = super().clean(data, initial)
        size, limit = getattr(upload, "size", 0), conf.UPLOAD_MAX_BYTES
        if size > limit:
            raise forms.ValidationError(
                _("The file has {size}; at most {limit} can be uploaded.").format(
                    size=filesizeformat(size), limit=filesizeformat(limit)
                ),
                code="too_large",
            )
        return upload


@contextmanager
def opened(name: str) -> Iterator[File[bytes]]:
    """The stored file, opened for reading bytes. Raises InputError when it is gone or empty."""
    try:
        upload = default_storage.open(name)
    except FileNotFoundError:
        raise InputError("The uploaded file no longer exists. Please upload it again.") from None
    with upload:
        if not upload.size:
            raise InputError("The file is empty.")
        yield upload

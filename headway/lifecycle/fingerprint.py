"""What a start requests, in 64 characters that tell a repetition from a different start."""

import hashlib
import inspect
import json
from collections.abc import Mapping
from typing import Any

from django.core.files.uploadedfile import UploadedFile
from django.utils.crypto import salted_hmac

from headway.kinds import parameters


def of(kind: str, takes: inspect.Signature, params: Mapping[str, Any]) -> str:
    """Equal for equal kinds and parameters; uploads count by name and content. Keyed, since what
    is secret among the parameters may be short. Raises ParameterError for what cannot be stored."""
    plain = {
        name: _described(value) if isinstance(value, UploadedFile) else value
        for name, value in params.items()
    }
    asked = json.dumps([kind, parameters.stored(kind, takes, plain)], sort_keys=True)
    return salted_hmac("headway.lifecycle.fingerprint", asked, algorithm="sha256").hexdigest()


def _described(upload: "UploadedFile[bytes]") -> list[str]:
    digest = hashlib.sha256()
    for chunk in upload.chunks():
        digest.update(chunk)
    upload.seek(0)
    return [upload.name or "", digest.hexdigest()]

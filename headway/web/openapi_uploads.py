"""What the OpenAPI document says of uploads in parts, which are the tus protocol's."""

from collections.abc import Callable
from typing import Any

from django.urls import reverse

from headway.web.schemas import Schema

_UPLOAD = "00000000-0000-0000-0000-000000000001"
_TEXT: Schema = {"type": "string"}
_BYTES: Schema = {"type": "string", "pattern": "^[0-9]{1,15}$"}
PROBLEMS = {
    412: "OtherVersion",
    415: "WrongType",
    460: "Changed",
    507: "NoSpace",
}


def _header(name: str, description: str, schema: Schema, *, required: bool = True) -> Schema:
    known = {"name": name, "in": "header", "description": description}
    return known | {"required": required, "schema": schema}


PARAMETERS: Schema = {
    "upload": {
        "name": "upload",
        "in": "path",
        "required": True,
        "schema": {"type": "string", "format": "uuid"},
    },
    "tus": _header("Tus-Resumable", "The version of the protocol.", {"const": "1.0.0"}),
    "length": _header("Upload-Length", "Bytes of the whole file.", _BYTES),
    "metadata": _header(
        "Upload-Metadata",
        "`filename`, `kind` and `field`, each with its value in base64, separated by commas.",
        _TEXT,
    ),
    "offset": _header("Upload-Offset", "Bytes that the server has.", _BYTES),
    "checksum": _header(
        "Upload-Checksum",
        "`sha1` or `sha256`, and the checksum of this part in base64.",
        _TEXT,
        required=False,
    ),
}
_STANDS = {
    "Upload-Offset": {"description": "Bytes that the server has.", "schema": _BYTES},
    "Upload-Expires": {"description": "When it is deleted unless it goes on.", "schema": _TEXT},
}


def paths(operation: Callable[..., Any]) -> Schema:
    """The path items of uploads; `operation` describes what all have."""
    begun = {"Location": {"schema": _TEXT}, **_STANDS}
    part = {"application/offset+octet-stream": {"schema": _TEXT | {"format": "binary"}}}
    one = reverse("headway:upload", args=[_UPLOAD]).replace(_UPLOAD, "{upload}")
    return {
        reverse("headway:uploads"): {
            "post": {
                "summary": "Begin an upload",
                **operation(
                    _answer("201", "It has begun.", begun),
                    *([400, 403, 412, 413, 429, 507], "tus", "length", "metadata"),
                ),
            }
        },
        one: {
            "head": {
                "summary": "How much of an upload is here",
                **operation(_answer("200", "It is here.", _STANDS), [404, 412], "upload", "tus"),
            },
            "patch": {
                "summary": "Continue an upload",
                "requestBody": {"required": True, "content": part},
                **operation(
                    _answer("204", "The part is stored.", _STANDS),
                    *([400, 403, 404, 409, 412, 413, 415, 460, 507], "upload", "tus"),
                    *("offset", "checksum"),
                ),
            },
            "delete": {
                "summary": "End an upload",
                **operation(_answer("204", "It is gone.", {}), [403, 404, 412], "upload", "tus"),
            },
        },
    }


def _answer(status: str, description: str, headers: Schema) -> Schema:
    return {status: {"description": description, "headers": headers}}

"""The site's API for programs, as an OpenAPI 3.1 document; tests compare it with the real URLs
and responses."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any
from urllib.parse import unquote

from django import forms
from django.conf import settings
from django.urls import reverse

from headway.kinds import registry
from headway.kinds.registry import Kind
from headway.web import openapi_uploads
from headway.web.openapi_log import LOG_PARAMETERS
from headway.web.schemas import PROBLEM, SNAPSHOT, Schema, parameters
from headway.web.streams import MAX_JOBS, MAX_WAIT

_JOB = "00000000-0000-0000-0000-000000000000"
_TEXT: Schema = {"type": "string"}
_DIGITS: Schema = {"type": "string", "pattern": "^[0-9]+$"}
_CURSOR: Schema = {"type": ["integer", "null"], "minimum": 0}
_PROBLEMS = {
    400: "BadRequest",
    401: "NotSignedIn",
    403: "NotAllowed",
    404: "NotFound",
    409: "NotNow",
    413: "TooLarge",
    422: "UsedBefore",
    429: "TooMuch",
    503: "NotAvailable",
    **openapi_uploads.PROBLEMS,
}
_PARAMETERS: Schema = {
    "job": {
        "name": "job",
        "in": "path",
        "required": True,
        "schema": {"type": "string", "format": "uuid"},
    },
    "file": {"name": "file", "in": "path", "required": True, "schema": _TEXT | {"minLength": 1}},
    **LOG_PARAMETERS,
    "jobs": {
        "name": "job",
        "in": "query",
        "description": "The jobs to follow; without it, all of the caller's.",
        "schema": {
            "type": "array",
            "items": {"type": "string", "format": "uuid"},
            "maxItems": MAX_JOBS,
        },
    },
    "named": {
        "name": "job",
        "in": "query",
        "required": True,
        "description": "The jobs to describe.",
        "schema": {
            "type": "array",
            "items": {"type": "string", "format": "uuid"},
            "minItems": 1,
            "maxItems": MAX_JOBS,
        },
    },
    "mine": {
        "name": "mine",
        "in": "query",
        "description": "With any value or none: all of the caller's jobs besides those named.",
        "allowEmptyValue": True,
        "schema": _TEXT,
    },
    "heartbeat": {
        "name": "heartbeat",
        "in": "query",
        "description": "With any value or none: keep-alives are events, not comments. A number:"
        " one after this many seconds of silence, 2 at least and never later than without.",
        "allowEmptyValue": True,
        "schema": _TEXT,
    },
    "poll": {
        "name": "poll",
        "in": "query",
        "description": "Seconds after which the response ends, or sooner with the first event.",
        "schema": {"type": "integer", "minimum": 0, "maximum": int(MAX_WAIT)},
    },
    "viewer": {
        "name": "viewer",
        "in": "query",
        "description": "The key of a user; 401 when another user is signed in.",
        "schema": _TEXT,
    },
    "last": {
        "name": "Last-Event-ID",
        "in": "header",
        "description": "The cursor, as an EventSource sends it; takes precedence over `cursor`.",
        "schema": _DIGITS,
    },
    "cursor": {
        "name": "cursor",
        "in": "query",
        "description": "How far the caller has read: a number from an earlier response.",
        "schema": {"type": "integer", "minimum": 0},
    },
    "wait": {
        "name": "wait",
        "in": "query",
        "description": "With a cursor: most seconds to wait for something newer.",
        "schema": {"type": "integer", "minimum": 0, "maximum": int(MAX_WAIT)},
    },
    "key": {
        "name": "Idempotency-Key",
        "in": "header",
        "description": "Two requests of one user with the same key start one job. With other"
        " parameters the second is rejected.",
        "schema": {"type": "string", "pattern": "^[A-Za-z0-9_-]{1,64}$"},
    },
}


EVENTS: Schema = {
    "200": {"description": "Server-Sent Events.", "content": {"text/event-stream": {}}}
}
_described: dict[str, tuple[Callable[[], Schema], dict[str, str]]] = {}
_HOW = ("cursor", "last", "heartbeat", "poll", "viewer")
"""What may be said of any stream of jobs."""


def describe(view: str, describe: Callable[[], Schema], **named: str) -> None:
    """Adds the address of a project's own view, by its URL name and what is `named` in it, to the
    document: `describe` gives its path item, for which `operation` and `EVENTS` are there."""
    _described[view] = describe, named


def document(server: str, kinds: Iterable[Kind] | None = None) -> Schema:
    """The document for the site at the address `server`, about `kinds` of jobs, else all that have
    a start form."""
    every = registry.kinds().values()
    known = [kind for kind in every if not kind.is_internal] if kinds is None else kinds
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Jobs",
            "version": "0.1.0",
            "description": "Start jobs, follow them, cancel and retry them.",
        },
        "servers": [{"url": server}],
        "security": [{"token": []}, {"session": []}],
        "paths": _paths(known),
        "components": {
            "schemas": _schemas(),
            "parameters": _PARAMETERS | openapi_uploads.PARAMETERS,
            "responses": {name: _problem(name) for name in _PROBLEMS.values()},
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer"},
                "session": {
                    "type": "apiKey",
                    "in": "cookie",
                    "name": settings.SESSION_COOKIE_NAME,
                },
            },
        },
    }


def _paths(kinds: Iterable[Kind]) -> Schema:
    started = {_path("start", kind=kind.name): _start(kind) for kind in kinds}
    one = _polled("The job.", "Status")
    several = _polled("The jobs, in the order of their names.", "Statuses")
    return started | {
        _path("status", pk=_JOB): _of_job("get", one, [400, 404], "cursor", "wait"),
        _path("cancel", pk=_JOB): _of_job("post", _accepted(), [403, 404, 409]),
        _path("retry", pk=_JOB): _of_job("post", _accepted(), [403, 404, 409]),
        _path("undo", pk=_JOB): _of_job("post", _accepted(), [403, 404, 409]),
        _path("job_events", pk=_JOB): _of_job("get", EVENTS, [404], *_HOW),
        _path("statuses"): {"get": operation(several, [404], "named")},
        _path("my_events"): {"get": operation(EVENTS, [404], "jobs", "mine", *_HOW)},
        _path("file", pk=_JOB, name="NAME"): _of_job("get", _file(), [404], "file"),
        _path("log", pk=_JOB): _of_job("get", _log(), [404], *LOG_PARAMETERS),
        _path("warnings", pk=_JOB): _of_job("get", _warnings(), [404], "attempt"),
        **openapi_uploads.paths(operation),
        _path("openapi"): {"get": operation(_json("This document.", {"type": "object"}), [])},
        **{unquote(reverse(v, kwargs=n)): item() for v, (item, n) in _described.items()},
    }


def _path(view: str, /, **arguments: str) -> str:
    """The address of a view, with names in braces where a job's id and a file's name stand."""
    path = reverse(f"headway:{view}", kwargs=arguments)
    return path.replace(_JOB, "{job}").replace("NAME", "{file}")


def _of_job(method: str, responses: Schema, problems: list[int], *others: str) -> Schema:
    return {method: operation(responses, problems, "job", *others)}


def operation(responses: Schema, problems: list[int], *names: str) -> Schema:
    refused = {str(n): _ref("responses", _PROBLEMS[n]) for n in sorted({401, *problems})}
    return {
        "parameters": [_ref("parameters", name) for name in names],
        "responses": responses | refused,
    }


def _start(kind: Kind) -> Schema:
    """All are started by JSON; those that take a file by a form, too, since its field in JSON has
    the id of an upload."""
    body = {"application/json": {"schema": parameters(kind.form_class)}}
    if any(isinstance(f, forms.FileField) for f in kind.form_class.base_fields.values()):
        body = {"multipart/form-data": body["application/json"], **body}
    form = {"200": {"description": "The form, for people.", "content": {"text/html": {}}}}
    return {
        "get": {"summary": str(kind.title), **operation(form, [])},
        "post": {
            "summary": str(kind.title),
            "description": kind.description,
            "requestBody": {"required": True, "content": body},
            **operation(_accepted(), [400, 403, 413, 422, 429], "key"),
        },
    }


def _accepted() -> Schema:
    headers = {"Location": {"schema": _TEXT}}
    return _json("The job as it is now.", _ref("schemas", "Accepted"), headers, status="202")


def _polled(description: str, schema: str) -> Schema:
    headers = {
        "ETag": {"schema": _TEXT},
        "Progress-Cursor": {"schema": _DIGITS},
        "Retry-After": {
            "description": "Seconds after which to ask again; only while a job is active.",
            "schema": _DIGITS,
        },
    }
    unchanged = {"description": "As `If-None-Match` has it.", "headers": headers}
    return _json(description, _ref("schemas", schema), headers) | {"304": unchanged}


def _file() -> Schema:
    return {"200": {"description": "The file.", "content": {"application/octet-stream": {}}}}


def _log() -> Schema:
    kinds = {"text/plain": {"schema": _TEXT}, "application/json": {"schema": {"type": "object"}}}
    return {"200": {"description": "The whole log, or lines of it.", "content": kinds}}


def _warnings() -> Schema:
    return {"200": {"description": "A row for each.", "content": {"text/csv": {"schema": _TEXT}}}}


def _json(
    description: str, schema: Schema, headers: Mapping[str, Any] | None = None, status: str = "200"
) -> Schema:
    content = {"application/json": {"schema": schema}}
    return {status: {"description": description, "headers": headers or {}, "content": content}}


def _problem(name: str) -> Schema:
    content = {"application/problem+json": {"schema": _ref("schemas", "Problem")}}
    return {"description": name, "content": content}


def _schemas() -> Schema:
    snapshot = _ref("schemas", "Snapshot")
    urls = {
        "type": "object",
        "required": ["page", "status", "events"],
        "additionalProperties": _TEXT,
    }
    return {
        "Snapshot": SNAPSHOT,
        "Status": {
            "allOf": [snapshot, {"required": ["cursor"], "properties": {"cursor": _CURSOR}}]
        },
        "Statuses": {
            "type": "object",
            "required": ["jobs", "cursor"],
            "properties": {"jobs": {"type": "array", "items": snapshot}, "cursor": _CURSOR},
        },
        "Accepted": {"allOf": [snapshot, {"required": ["urls"], "properties": {"urls": urls}}]},
        "Problem": PROBLEM,
    }


def _ref(where: str, name: str) -> Schema:
    return {"$ref": f"#/components/{where}/{name}"}
